"""What the publishers' quirks become: one test a trap."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.every.places import KING, PIERCE, PLACES, REGIONS
from tocsin.feeds import Parsed, admit, all_feeds
from tocsin.feeds.sources.bls_unemployment import INDUSTRIES, released
from tocsin.model import Basis, Event, Missing, ParseError, Raw

FEEDS = all_feeds()
SAMPLES = Path(__file__).parents[1] / "data" / "feeds"
AT = datetime(2001, 3, 1, tzinfo=UTC)
LIVE = "https://publisher.example.org/latest"


def raw(feed: str, content: bytes | Any, url: str = LIVE, at: datetime = AT) -> Raw:
    content = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Raw(source=feed, url=url, fetched_at=at, media_type="", content=content)


def parsed(feed: str, content: bytes | Any, url: str = LIVE, at: datetime = AT) -> Parsed:
    return FEEDS[feed].parse(raw(feed, content, url, at), known_at=at, locate=PLACES)


def sample(feed: str, name: str) -> Any:
    return json.loads((SAMPLES / feed / name).read_text(encoding="utf-8"))


def by_id(result: Parsed) -> dict[str, Event]:
    """By what the publisher calls it; of a warning by sender and identifier, without the time of sending."""
    return {",".join(event.external_id.split(",")[:2]): event for event in result.events}


def quakes() -> Any:
    return sample("usgs_earthquakes", "sample.geojson")


class TestEarthquakes:
    def test_milliseconds_region_and_magnitude(self) -> None:
        event = by_id(parsed("usgs_earthquakes", quakes()))["uw00000001"]
        assert event.onset == datetime(2001, 2, 28, 18, 54, 32, tzinfo=UTC)
        assert (event.magnitude, event.unit, event.regions) == (6.8, "mw", (KING,))
        assert (event.lat, event.lon, event.details["depth_km"]) == (47.25, -122.25, 51.8)

    def test_live_is_known_when_fetched(self) -> None:
        events = parsed("usgs_earthquakes", quakes()).events
        assert {(e.known_at, e.basis) for e in events} == {(AT, Basis.INGEST)}

    def test_an_archive_is_known_from_the_last_change_on_and_says_so(self) -> None:
        event = by_id(parsed("usgs_earthquakes", quakes(), url="week.json"))["uw00000001"]
        assert event.known_at == datetime(2001, 2, 28, 18, 58, 32, 40_000, tzinfo=UTC)
        assert event.basis is Basis.ESTIMATED
        early = datetime(2001, 2, 28, 18, 55, tzinfo=UTC)
        assert (
            by_id(parsed("usgs_earthquakes", quakes(), url="week.json", at=early))["uw00000001"].known_at
            == early
        )

    def test_no_magnitude_is_none_and_a_negative_one_is_a_value(self) -> None:
        events = by_id(parsed("usgs_earthquakes", quakes()))
        assert (events["uw00000002"].magnitude, events["uw00000002"].unit) == (None, "")
        assert events["uw00000003"].magnitude == -0.3
        assert events["uw00000003"].details["depth_km"] == 0.0

    def test_what_is_no_earthquake_keeps_its_own_hazard(self) -> None:
        assert by_id(parsed("usgs_earthquakes", quakes()))["uw00000003"].hazard == "quarry_blast"

    def test_outside_of_the_country_there_is_no_region(self) -> None:
        event = by_id(parsed("usgs_earthquakes", quakes()))["us00000004"]
        assert (event.regions, event.status) == ((), "actual")

    def test_deleted_is_withdrawn_although_it_lacks_time_and_place(self) -> None:
        event = by_id(parsed("usgs_earthquakes", quakes()))["uw00000005"]
        assert (event.status, event.lat, event.magnitude) == ("withdrawn", None, None)

    def test_the_other_ids_of_an_event_are_withdrawn_live_only(self) -> None:
        live = by_id(parsed("usgs_earthquakes", quakes()))
        assert live["us0000abcd"].status == "withdrawn"
        assert live["us0000abcd"].details == {"preferred": "uw00000001"}
        assert "us0000abcd" not in by_id(parsed("usgs_earthquakes", quakes(), url="week.json"))

    def test_an_id_that_is_listed_itself_is_not_withdrawn(self) -> None:
        document = quakes()
        document["features"][0]["properties"]["ids"] = ",uw00000001,uw00000002,"
        result = parsed("usgs_earthquakes", document)
        assert [e.status for e in result.events if e.external_id == "uw00000002"] == ["actual"]

    def test_a_scenario_never_becomes_an_event(self) -> None:
        document = quakes()
        document["metadata"]["url"] = "https://earthquake.usgs.gov/scenarios/fdsnws/event/1/query"
        assert {e.status for e in parsed("usgs_earthquakes", document).events} == {"exercise"}

    def test_one_broken_feature_goes_to_quarantine_and_the_others_stay(self) -> None:
        document = quakes()
        document["features"][1]["properties"]["time"] = "yesterday"
        gated = admit(
            FEEDS["usgs_earthquakes"],
            raw("usgs_earthquakes", document),
            now=AT,
            locate=PLACES,
            regions=REGIONS,
        )
        assert [r.where for r in gated.rejected] == ["features[1]"]
        assert "uw00000001" in {e.external_id for e in gated.events}

    def test_most_features_broken_is_a_changed_form_not_a_calm_day(self) -> None:
        document = quakes()
        for feature in document["features"][:3]:
            feature["properties"]["updated"] = "2001-02-28"
        with pytest.raises(ParseError, match="3 of 5 records are broken"):
            parsed("usgs_earthquakes", document)

    @pytest.mark.parametrize(
        "point", [[-122.0, 97.0, 1], ["-122", 47, 1], [47], [-122.0, None, 3], [True, 47.0, 0]]
    )
    def test_a_point_that_is_none(self, point: list[Any]) -> None:
        document = quakes()
        document["features"] = [document["features"][0]]
        document["features"][0]["geometry"]["coordinates"] = point
        with pytest.raises(ParseError, match=r"geometry\.coordinates"):
            parsed("usgs_earthquakes", document)

    def test_an_empty_collection_is_an_answer(self) -> None:
        assert parsed("usgs_earthquakes", {"type": "FeatureCollection", "features": []}) == Parsed()

    def test_a_quiet_feed_has_the_age_that_its_publisher_states(self) -> None:
        document = {"type": "FeatureCollection", "metadata": {"generated": 983386800000}, "features": []}
        stated = datetime(2001, 2, 28, 19, tzinfo=UTC)
        for at, newest in (
            (AT, stated),
            (stated - timedelta(hours=1), None),
        ):  # one from the future counts for nothing
            given = raw("usgs_earthquakes", document, at=at)
            gated = admit(FEEDS["usgs_earthquakes"], given, now=at, locate=PLACES, regions=REGIONS)
            assert (gated.newest, gated.events, gated.failed) == (newest, (), False)

    def test_an_unknown_field_is_counted_once_for_all(self) -> None:
        document = quakes()
        for feature in document["features"]:
            feature["properties"]["shaking"] = 3
        found = [f for f in parsed("usgs_earthquakes", document).findings if f.rule == "feed.unknown-field"]
        assert [(f.path, f.message) for f in found] == [
            ("features[*].properties.shaking", "got 3; not read (5 of 5)")
        ]


def alerts() -> Any:
    return sample("nws_alerts", "sample.geojson")


def alert_id(n: int) -> str:
    return f"w-nws.webmaster@noaa.gov,urn:oid:2.49.0.1.840.0.invented{n:04}.001.1"


class TestWeatherAlerts:
    def test_codes_become_counties(self) -> None:
        document = alerts()
        document["features"] = document["features"][:1]
        document["features"][0]["properties"]["geocode"]["SAME"] = ["053033", "053053"]
        event = by_id(parsed("nws_alerts", document))[alert_id(4)]
        assert event.regions == (KING, PIERCE)
        assert (event.hazard, event.magnitude, event.unit) == ("Flood Warning", 3.0, "CAP severity")

    def test_the_end_of_the_message_is_not_the_end_of_the_event(self) -> None:
        event = by_id(parsed("nws_alerts", alerts()))[alert_id(4)]
        assert event.ends == datetime(2001, 3, 1, 4, tzinfo=UTC)
        assert event.details["expires"] == "2001-02-28T19:00:00Z"

    def test_an_update_withdraws_what_it_names_and_a_cancel_only_withdraws(self) -> None:
        events = by_id(parsed("nws_alerts", alerts()))
        assert {n: events[alert_id(n)].status for n in (1, 2, 4)} == {
            1: "withdrawn",
            2: "withdrawn",
            4: "actual",
        }
        assert alert_id(5) not in events

    def test_a_part_that_goes_on_outlives_the_part_that_is_cancelled(self) -> None:
        document = alerts()
        document["features"] = document["features"][:2]  # an Update and a Cancel of the same message
        events = by_id(parsed("nws_alerts", document))
        assert [i for i, e in events.items() if e.status == "actual"] == [alert_id(4)]

    def test_a_message_listed_beside_its_update_is_withdrawn(self) -> None:
        document = alerts()
        first = json.loads(json.dumps(document["features"][2]).replace("invented0006", "invented0001"))
        (named,) = document["features"][0]["properties"]["references"][:1]
        first["properties"]["sent"] = named["sent"]
        document["features"].append(first)
        found = [e for e in parsed("nws_alerts", document).events if e.external_id.startswith(alert_id(1))]
        assert [(e.status, e.hazard) for e in found] == [("withdrawn", "Flash Flood Warning")]

    @pytest.mark.parametrize(
        ("status", "kept"),
        [("Exercise", "exercise"), ("Test", "test"), ("System", "test"), ("Draft", "test")],
    )
    def test_what_is_not_actual_never_is(self, status: str, kept: str) -> None:
        document = alerts()
        for feature in document["features"]:
            feature["properties"]["status"] = status
        events = parsed("nws_alerts", document).events
        assert events
        assert {e.status for e in events} == {kept}

    def test_a_drill_cannot_cancel_a_warning(self) -> None:
        events = by_id(parsed("nws_alerts", alerts()))  # its Test message cancels number 6
        assert events[alert_id(6)].status == "actual"

    def test_without_codes_the_shape_tells(self) -> None:
        event = by_id(parsed("nws_alerts", alerts()))[alert_id(6)]
        assert event.regions == (KING,)

    def test_a_code_of_the_sea_is_kept_and_said_to_name_no_region(self) -> None:
        result = parsed("nws_alerts", alerts())
        assert by_id(result)[alert_id(3)].regions == ()
        assert "SAME 057135: no region of the pack" in {f.message for f in result.findings}

    def test_an_archive_is_known_when_sent(self) -> None:
        event = by_id(parsed("nws_alerts", alerts(), url="alerts.json"))[alert_id(4)]
        assert (event.known_at, event.basis) == (datetime(2001, 2, 28, 12, tzinfo=UTC), Basis.RELEASE)

    @pytest.mark.parametrize("name", ["id", "sender", "sent", "status", "messageType", "event"])
    def test_a_message_without_what_makes_it_one_is_broken(self, name: str) -> None:
        document = alerts()
        document["features"] = document["features"][:1]
        document["features"][0]["properties"][name] = None
        with pytest.raises(ParseError, match=f"properties.{name}"):
            parsed("nws_alerts", document)

    def test_a_time_without_zone_is_refused(self) -> None:
        document = alerts()
        document["features"] = document["features"][:1]
        document["features"][0]["properties"]["onset"] = "2001-02-28T12:00:00"
        with pytest.raises(ParseError, match="a zone"):
            parsed("nws_alerts", document)

    def test_references_as_one_text(self) -> None:
        document = alerts()
        document["features"] = document["features"][:1]
        document["features"][0]["properties"]["references"] = (
            "a@b,c,2001-02-28T01:00:00-08:00 a@b,d,2001-02-28T02:00:00-08:00"
        )
        assert {"a@b,c", "a@b,d"} <= set(by_id(parsed("nws_alerts", document)))


def cap(**change: str) -> bytes:
    text = (SAMPLES / "cap_atom" / "bare.xml").read_text(encoding="utf-8").replace("ISO-8859-1", "UTF-8")
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    return text.encode()


GREEN = "<parameter><valueName>awareness_level</valueName><value>1; green; Minor</value></parameter>"


class TestCap:
    def test_english_is_chosen_and_the_point_is_kept(self) -> None:
        result = parsed("cap_atom", (SAMPLES / "cap_atom" / "sample.atom").read_bytes())
        event = by_id(result)["desk@warnings.example.org,a-2"]
        assert (event.title, event.lat, event.lon) == ("Flood, invented text", 47.5, -122.2)

    def test_links_are_given_to_be_fetched(self) -> None:
        content = (SAMPLES / "cap_atom" / "sample.atom").read_bytes()
        assert parsed("cap_atom", content).links == ("https://publisher.example.org/cap/a-1.xml",)
        bad = content.replace(b'cap/a-1.xml"', b'javascript:alert(1)"')
        result = parsed("cap_atom", bad)
        assert result.links == ()
        assert any(f.rule == "feed.link" and "javascript" in f.message for f in result.findings)

    def test_an_exercise_cancels_nothing(self) -> None:
        events = by_id(parsed("cap_atom", (SAMPLES / "cap_atom" / "sample.atom").read_bytes()))
        assert events["desk@warnings.example.org,a-2"].status == "actual"

    def test_the_domain_follows_the_category(self) -> None:
        assert parsed("cap_atom", cap()).events[0].domain == "seismic"
        assert parsed("cap_atom", cap(**{">Geo<": ">Fire<"})).events[0].domain == "weather_alerts"

    def test_records_carry_the_id_under_which_the_feed_was_configured(self) -> None:
        given = Raw(source="xa_met", url=LIVE, fetched_at=AT, media_type="", content=cap())
        event = FEEDS["cap_atom"].parse(given, known_at=AT, locate=PLACES).events[0]
        assert (event.source, event.id) == ("xa_met", f"xa_met:{event.external_id}")
        assert event.external_id == "desk@warnings.example.org,b-1,20010228T180000Z"

    @pytest.mark.parametrize(
        "change",
        [
            {"<msgType>Alert": "<msgType>Ack"},
            {"<urgency>": "<responseType>AllClear</responseType><urgency>"},
            {"<area>": GREEN + "<area>"},
        ],
    )
    def test_what_warns_of_nothing_is_no_event_and_said_so(self, change: dict[str, str]) -> None:
        result = parsed("cap_atom", cap(**change))
        assert result.events == ()
        assert {"cap.msg-type", "cap.no-warning"} & {f.rule for f in result.findings}

    def test_an_event_without_end_is_open(self) -> None:
        assert parsed("cap_atom", cap()).events[0].ends is None

    def test_a_feed_without_entries_is_an_answer(self) -> None:
        fields = b"<id>x</id><title>t</title><updated>2001-02-28T00:00:00Z</updated>"
        empty = b'<feed xmlns="http://www.w3.org/2005/Atom">' + fields + b"</feed>"
        assert parsed("cap_atom", empty) == Parsed(issued=datetime(2001, 2, 28, tzinfo=UTC))

    @pytest.mark.parametrize(
        "content", [b"<rss/>", b"<html><body>Error</body></html>", b"<!DOCTYPE alert><alert/>"]
    )
    def test_what_is_neither_atom_nor_cap(self, content: bytes) -> None:
        with pytest.raises(ParseError):
            parsed("cap_atom", content)

    def test_a_shape_over_the_antimeridian_does_not_span_the_globe(self) -> None:
        ring = "47.4,179.5 47.6,179.5 47.6,-179.5 47.4,-179.5 47.4,179.5"
        square = "47.4,-122.2 47.5,-122.2 47.5,-122.1 47.4,-122.1 47.4,-122.2"
        event = parsed("cap_atom", cap(**{square: ring})).events[0]
        assert (event.regions, event.lat) == ((), None)


class TestUnemployment:
    @pytest.mark.parametrize(
        ("month", "release"),
        [
            ((2000, 1), "2000-02-04T13:30:00+00:00"),
            ((2001, 6), "2001-07-06T12:30:00+00:00"),  # daylight saving
            ((2008, 12), "2009-01-02T13:30:00+00:00"),
            ((2009, 12), "2010-01-08T13:30:00+00:00"),  # the first Friday is New Year's Day
        ],
    )
    def test_first_friday_of_the_next_month_in_new_york(self, month: tuple[int, int], release: str) -> None:
        assert released(*month) == datetime.fromisoformat(release)

    def test_year_and_month_count_and_not_the_date(self) -> None:
        record = {
            "series": "Construction",
            "year": 2000,
            "month": 5,
            "count": 1,
            "rate": 2,
            "date": "1999-01-01T07:00:00.000Z",
        }
        rows = parsed("bls_unemployment", [record], "f.json").table().to_pylist()
        assert {r["valid_time"] for r in rows} == {datetime(2000, 5, 1, tzinfo=UTC)}
        assert {r["basis"] for r in rows} == {"estimated"}
        assert {(r["quantity"], r["value"]) for r in rows} == {
            ("economy.unemployment_rate.construction", 2.0),
            ("economy.unemployed.construction", 1.0),
        }

    def test_a_gap_stays_a_gap_and_is_said(self) -> None:
        at = datetime(2010, 6, 1, tzinfo=UTC)
        result = parsed("bls_unemployment", sample("bls_unemployment", "sample.json"), "f.json", at)
        gaps = {f.path for f in result.findings if f.rule == "feed.gap"}
        assert "Construction 2008-11" in gaps
        times = {str(r["valid_time"])[:7] for r in result.table().to_pylist()}
        assert "2008-11" not in times

    def test_a_null_is_missing_with_a_reason(self) -> None:
        at = datetime(2010, 6, 1, tzinfo=UTC)
        rows = (
            parsed("bls_unemployment", sample("bls_unemployment", "sample.json"), "f.json", at)
            .table()
            .to_pylist()
        )
        missing = [r for r in rows if r["missing"]]
        assert {r["missing"] for r in missing} == {Missing.NOT_REPORTED}
        assert len(missing) == 3

    def test_an_unknown_industry_is_no_silent_new_series(self) -> None:
        record = {"series": "Magic", "year": 2000, "month": 5, "count": 1, "rate": 2, "date": "x"}
        with pytest.raises(ParseError, match="series: got 'Magic'"):
            parsed("bls_unemployment", [record], "f.json")

    def test_a_figure_that_was_not_yet_due_is_refused(self) -> None:
        record = {"series": "Other", "year": 2001, "month": 2, "count": 1, "rate": 2, "date": "x"}
        with pytest.raises(ParseError, match="due 2001-03-02"):
            parsed("bls_unemployment", [record], "f.json", AT)

    def test_every_industry_has_two_quantities(self) -> None:
        ids = [q.id for q in FEEDS["bls_unemployment"].SOURCE.quantities]
        assert len(ids) == len(set(ids)) == 2 * len(INDUSTRIES) == 28
        assert "economy.unemployment_rate.self_employed" in ids


PACKAGE = Path(__file__).parents[2] / "node_modules" / "vega-datasets" / "data"


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="node_modules/vega-datasets is not installed")
class TestPackagedArchives:
    """The real archives of the demo, through the same parsers."""

    def test_a_week_of_earthquakes(self) -> None:
        content = (PACKAGE / "earthquakes.json").read_bytes()
        given = raw("usgs_earthquakes", content, "earthquakes.json", datetime(2026, 1, 1, tzinfo=UTC))
        gated = admit(FEEDS["usgs_earthquakes"], given, now=given.fetched_at, locate=PLACES, regions=REGIONS)
        assert (len(gated.events), gated.rejected, gated.findings) == (1707, (), ())
        assert sum(e.hazard != "earthquake" for e in gated.events) == 28
        lags = sorted(e.known_at - e.onset for e in gated.events)
        assert lags[0] > timedelta(0)
        assert max(e.known_at for e in gated.events) < datetime(2018, 2, 7, 2, tzinfo=UTC)

    def test_ten_years_of_unemployment(self) -> None:
        content = (PACKAGE / "unemployment-across-industries.json").read_bytes()
        given = raw("bls_unemployment", content, "u.json", datetime(2026, 1, 1, tzinfo=UTC))
        gated = admit(FEEDS["bls_unemployment"], given, now=given.fetched_at, locate=PLACES, regions=REGIONS)
        assert (gated.observations.num_rows, gated.rejected, gated.findings) == (2 * 14 * 122, (), ())
