"""Whose copy of the list leaked: the full measure is `python -m benchmarks.leaks`."""

from benchmarks.leaks import measure
from mamori.engine.addresses import listable_name
from mamori.engine.canaries import OWN, Tracer, canaries_of, labels_in

KEY, DOMAINS = b"k" * 32, ("canary-one.example", "canary-two.example")
PEOPLE = [f"subscriber-{number}" for number in range(40)]


def test_a_sample_names_its_subscriber_and_nobody_else():
    told = measure(trials=300, subscribers=40, names=2_000, share=0.05, seed=7)
    assert told["named"] >= 0.88, "0.923 is expected; the full measure says how near"
    assert told["false_accusations"] == 0
    assert told["one_of_two_colluders_named"] == 1.0
    assert told["nobody_where_nothing_leaked"] == 1.0


def test_two_who_throw_away_what_differs_are_named_by_what_they_share():
    tracer = Tracer(KEY, PEOPLE)
    one, two = (canaries_of(KEY, name, DOMAINS) for name in PEOPLE[:2])
    named = tracer.suspects(name.partition(".")[0] for name in one & two)
    assert {suspect.subscriber for suspect in named} == set(PEOPLE[:2])
    assert all(suspect.own == 0 and suspect.shared == suspect.found_shared for suspect in named)


def test_every_canary_is_ours_fit_for_the_list_and_derived_anew_the_same():
    names = [canaries_of(KEY, name, DOMAINS) for name in PEOPLE]
    assert names == [canaries_of(KEY, name, DOMAINS) for name in PEOPLE]
    everything = set().union(*names)
    assert all(name.endswith(tuple("." + domain for domain in DOMAINS)) for name in everything)
    assert all(listable_name(name) == name for name in everything)
    assert len({name.partition(".")[0] for name in everything}) == len(PEOPLE) * OWN + 256
    assert not everything & set().union(*(canaries_of(b"other key", name, DOMAINS) for name in PEOPLE))


def test_names_are_found_in_files_of_any_form_and_across_pieces():
    name = min(canaries_of(KEY, PEOPLE[0], DOMAINS))
    label = name.partition(".")[0]
    for text in (
        name, f"*.{name}.nx.list. 60 CNAME .", f'["{name}","a.example"]', f"0.0.0.0 {name.upper()}\r\n", f"||{name}^",
    ):  # fmt: skip
        assert labels_in([text.encode()], DOMAINS) == {label}
        for at in range(len(text)):
            assert labels_in([text[:at].encode(), text[at:].encode()], DOMAINS) == {label}
    for other in (f"x{name}", f"-{name}", name.replace(".example", ".example2"), label, "plain.example"):
        assert label not in labels_in([other.encode()], DOMAINS)
