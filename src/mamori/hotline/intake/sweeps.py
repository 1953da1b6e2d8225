from mamori.ground.jobs import sweep
from mamori.hotline.intake import services

sweep("intake.screen_new")(services.reports_screen_new)
sweep("intake.release_closings")(services.closings_release)
sweep("intake.compact_counts")(services.counts_compact)
sweep("intake.forget_used")(services.used_forget)
