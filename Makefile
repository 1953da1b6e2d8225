# Mamori: two commands do everything.
#   make demo [ONCE=1] [REPORTS=file.csv] [PORT=8000]   sets up, runs the main job through the front doors, keeps serving
#   make test                                           sets up, passes all checks and tests
.PHONY: demo test setup check lock crash-bench histories-bench clean
PY = .venv/bin/python

demo:
	@scripts/setup --lean
	@$(PY) -m demo $(if $(ONCE),--once) $(if $(REPORTS),--reports "$(REPORTS)") $(if $(PORT),--port $(PORT))

test: setup
	@scripts/test

check: setup
	@scripts/check

setup:
	@scripts/setup

crash-bench: setup
	@MAMORI_CRASH_ROUNDS=100 $(PY) -m pytest tests/crash

histories-bench: setup
	@MAMORI_HISTORIES=10000 $(PY) -m pytest tests/hotline/test_assessment_histories.py tests/hotline/test_referral_histories.py \
		tests/hotline/test_takedown_histories.py tests/lists/test_list_histories.py

lock: setup
	@scripts/lock

clean:
	rm -rf .venv var src/mamori/static-collected
