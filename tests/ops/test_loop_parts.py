"""The parts of the loop: the plan, the bytes of a cycle, the running world, and the packaged data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.cycle import small_world as small
from tests.verify.worlds import alert
from tocsin import cycle
from tocsin.catalog import detectors
from tocsin.geo import load_pack
from tocsin.model import DAY, HOUR, UNCOVERED, ConfigError, Role, State, StoreError
from tocsin.ops import datasets, loop, record, runs
from tocsin.ops.plan import make_plan
from tocsin.ops.world import World
from tocsin.store import open_store
from tocsin.testing.domains import Scene, plan_of

PACK = load_pack("us")
AT = datetime(2001, 3, 5, 15, 5, tzinfo=UTC)


def test_the_plan_watches_the_level_of_each_domain():
    plan = make_plan(PACK)
    assert {d: len(r) for d, r in plan.watched.items()} | {"economy": 1} == {
        d: len(PACK.at_level(x.region_level)) for d, x in ((y.id, y) for y in plan.domains)
    }
    assert len(plan.watched["air_transport"]) == 229


def test_the_id_of_a_plan_names_its_domains_and_their_settings():
    one, two = make_plan(PACK, ["air_transport"]), make_plan(PACK, ["air_transport", "seismic"])
    assert one.id == make_plan(PACK, ["air_transport"]).id != two.id


def test_a_domain_that_the_pack_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'seismic'"):
        make_plan(PACK, ["seismik"])


def test_a_law_that_the_pack_does_not_have_is_refused():
    poor = replace(PACK, laws=tuple(law for law in PACK.laws if law.key != "ipaws"))
    with pytest.raises(ConfigError, match="legal_basis"):
        make_plan(poor, ["air_transport"])


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    made = small.office(tmp_path_factory.mktemp("ops"), small.flights(5, days=10))
    loop.replay(
        made, start=small.START, end=small.START + 9 * DAY, domains=["air_transport"], archives=small.ARCHIVES
    )
    yield made
    made.store.close()


def test_the_bytes_of_a_cycle_give_back_what_it_judged(office):
    plan, carried = small.plan(), {}
    for at in small.moments(small.START, 30):
        one = cycle.run(small.seen(office.store.as_of(at), World(carried=carried)), plan, office.detectors)
        carried = one.carried
    back = record.decode_judgement(record.encode_judgement(one))
    assert list(back) == [row.quantity for row in one.rows]
    for row in one.rows:
        got = back[row.quantity]
        assert got.valid_time == row.valid_time
        np.testing.assert_array_equal(got.values, row.values)
        for name in ("expected", "lower", "upper", "tail"):
            np.testing.assert_array_equal(getattr(got, name), getattr(row.step, name).astype(np.float32))
    levels = record.decode_levels(record.encode_levels(one, plan), ["air_transport"], plan.watched)
    np.testing.assert_array_equal(levels["air_transport"], one.levels["air_transport"])


def test_a_cycle_of_events_alone_has_bytes_too():
    domain = make_plan(PACK, ["seismic"]).domains[0]
    scene = Scene(at=AT, series={}, reported=(), states={}, told=(), left=None, lag={})
    plan = plan_of(domain)
    one = cycle.run(scene, plan, detectors())
    assert record.decode_judgement(record.encode_judgement(one)) == {}
    got = record.decode_levels(record.encode_levels(one, plan), ["seismic"], plan.watched)
    assert got["seismic"].tolist() == [UNCOVERED]


def test_every_decision_of_the_desk_policy_is_marked_as_simulated(office):
    entries = [e.decision for e in office.store.audit()]
    by_people = [d for d in entries if d.action in ("submit", "approve", "issue")]
    assert by_people
    assert all(d.simulated for d in by_people)
    assert {d.actor for d in by_people if d.action == "submit"} == {"replay-duty"}
    assert {d.actor for d in by_people if d.action == "approve"} == {"replay-approver"}
    assert {d.role for d in by_people if d.action == "approve"} == {Role.APPROVING_OFFICER}


def test_the_record_of_a_replay_is_whole(office):
    assert office.store.check() == []
    rows = office.store.cycles(small.START, small.START + 10 * DAY)
    assert [r.at for r in rows] == small.moments(small.START, 9 * 24 + 1)
    assert len({r.id for r in rows}) == len(rows)
    assert {r.mode for r in rows} == {"replay"}
    alerts = {a.id for a in office.store.list("alert")}
    assert alerts == {p for r in rows for p in r.summary["proposals"]}
    cycles = {f"cycle:{r.id}" for r in rows}
    for one in office.store.list("alert"):
        assert set(one.inputs) <= cycles


def test_a_verdict_is_known_only_when_its_days_have_ended(office):
    for one in office.store.list("verdict"):
        first = office.store.history("verdict", one["id"])[0]
        assert first.noun["first"] is True
        newest = max(
            datetime.fromisoformat(d).replace(tzinfo=UTC) for d in one["local_dates"] or ["2001-01-01"]
        )
        assert first.known_at > newest
        assert all(s.noun["first"] is False for s in office.store.history("verdict", one["id"])[1:])


def test_the_world_forgets_what_is_over_and_keeps_what_waits():
    world = World()
    old, waits, stands = (
        alert(AT - 30 * DAY, {"NYC": AT}),
        alert(AT - 5 * DAY, {"NYC": AT}),
        alert(AT, {"NYC": AT}),
    )
    rejected = replace(alert(AT - HOUR, {"NYC": AT}), state=State.REJECTED, sent=None)
    world.remember([old, waits, stands, rejected])
    world.closed = {old.chain}
    world.verdicts = [(AT - 30 * DAY, {}), (AT - HOUR, {})]
    world.forget(AT)
    assert set(world.alerts) == {waits.id, stands.id}
    assert world.closed == set()
    assert [known for known, _ in world.verdicts] == [AT - HOUR]
    assert world.standing(AT) == [stands]
    assert world.standing(stands.expires) == []


PACKAGES = ROOT / "node_modules"


def test_a_package_that_is_absent_or_of_another_release_is_refused(tmp_path):
    store = open_store(tmp_path / "store")
    with pytest.raises(ConfigError, match="make setup"):
        datasets.load_datasets(store, tmp_path, PACK, at=small.LATER)
    folder = tmp_path / "vega-datasets"
    (folder / "data").mkdir(parents=True)
    for dataset in datasets.DATASETS:
        (folder / dataset.file).write_bytes(b"another file")
    (folder / "package.json").write_text(json.dumps({"version": "3.0.0"}))
    with pytest.raises(ConfigError, match=r"3\.2\.1"):
        datasets.load_datasets(store, tmp_path, PACK, at=small.LATER)
    (folder / "package.json").write_text(json.dumps({"version": "3.2.1"}))
    with pytest.raises(StoreError, match="SHA-256"):
        datasets.load_datasets(store, tmp_path, PACK, at=small.LATER)
    assert store.list("dataset") == []
    store.close()


@pytest.mark.slow
@pytest.mark.skipif(not (PACKAGES / "vega-datasets").is_dir(), reason="vega-datasets is not installed")
def test_on_the_packaged_flights_what_is_asked_later_is_what_was_seen(tmp_path):
    """Fourteen days of the real archive: sixty seeded instants, all airports, all three quantities."""
    from tests.cycle.test_no_look_ahead import agree
    from tocsin.ops.office import open_office

    office = open_office(tmp_path)
    datasets.load_datasets(office.store, PACKAGES, office.pack, at=datetime(2026, 1, 1, tzinfo=UTC))
    spans = runs.archives(office, ["air_transport"])
    end = small.START + 14 * DAY
    loop.replay(
        office,
        start=small.START,
        end=end,
        domains=["air_transport"],
        archives=spans,
    )
    rows = office.store.cycles(small.START, end + timedelta(minutes=1))
    assert len(rows) == 14 * 24 + 1
    picked = np.random.default_rng(14).choice(len(rows), 60, replace=False)
    regions = office.plan_of(["air_transport"]).watched["air_transport"]
    assert agree(office.store, regions, [rows[i] for i in picked]) == 60 * 3 * 229
    office.store.close()
