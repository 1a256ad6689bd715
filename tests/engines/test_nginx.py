"""The engine on the simulated nginx: what goes wrong there, and how often it may be told to reload."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.engines.nginx_stage import Stage, play

from holdfast.edge.capability import Capability
from holdfast.edge.edge_spec import EdgeTls
from holdfast.edge.route_spec import AuthSpec, BasicAuth, MaintenanceSpec, SecretRef
from holdfast.edge.site_spec import SiteSpec
from holdfast.engines.nginx.turns import KEPT
from holdfast.host.wire import Seen, Visit
from holdfast.kit.tasks import Tasks, all_of
from holdfast.testing.contracts.nginx import EDGE, edge, error_of, fails, refused_site, site
from holdfast.testing.simulated_nginx import SimulatedNginx


def test_workers_that_do_not_come_in_time_leave_the_one_before() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        generation = stage.nginx.link
        stage.nginx.slow_s = 30.0
        await fails("HF3184", stage.apply(site("b")))
        assert stage.nginx.link == generation
        stage.nginx.slow_s = 0.0
        await stage.apply(site("c"))
        assert (await stage.status("c.example.com"), await stage.status("b.example.com")) == (200, None)

    play(story)


def test_a_reload_that_is_refused_though_its_test_passed_is_told_with_its_line() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        refusal = 'limit_req "zone" uses the "$a" key while previously it used the "$b" key'
        stage.nginx.refusals.append(refusal)
        error = await fails("HF3183", stage.apply(site("b")))
        assert refusal in error.message
        assert error.log == (f"[emerg] {refusal}",)
        assert await stage.status("a.example.com") == 200

    play(story)


def test_where_nobody_is_named_the_guilty_one_is_found_by_going_one_by_one() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        stage.nginx.refusals += ["whatever", "whatever"]  # the three together, and the first alone
        errors = await all_of(*(error_of(stage.apply(site(name))) for name in "bcd"))
        assert [error.code if error else None for error in errors] == ["HF3183", None, None]
        assert [await stage.status(f"{name}.example.com") for name in "abcd"] == [200, None, 200, 200]

    play(story)


def test_a_master_that_dies_at_its_start_is_tried_again_ever_more_slowly() -> None:
    async def story(stage: Stage) -> None:
        stage.nginx.dies = True
        error = await fails("HF3185", stage.apply(edge()))
        assert "out of luck" in error.message
        assert stage.nginx.link is None, "there was nothing before"
        stage.nginx.dies = False
        await stage.apply(edge())
        stage.nginx.dies = True
        stage.kill_master()
        await stage.until_seen(EDGE, lambda seen: (seen.handle or {}).get("phase") == "failed", "the Edge failed")
        began = stage.nginx.clock.monotonic()
        tries = len(stage.nginx.log)
        while len(stage.nginx.log) < tries + 5:
            await stage.nginx.clock.sleep(0.05)
        assert stage.nginx.clock.monotonic() - began > 1.0
        stage.nginx.dies = False
        await stage.until_seen(EDGE, lambda seen: (seen.handle or {}).get("phase") == "serving", "it serves again")

    play(story, has_edge=False)


def test_reloads_keep_their_distance_and_the_first_comes_at_once() -> None:
    async def story(stage: Stage) -> None:
        clock = stage.nginx.clock
        await stage.apply(edge(reload_window=1.0))
        await clock.sleep(5)
        began = clock.monotonic()
        await stage.apply(site("a"))
        assert clock.monotonic() - began < 0.5
        await stage.apply(site("b"))
        assert 0.9 < clock.monotonic() - began < 1.6
        before = stage.nginx.reloads
        async with Tasks() as tasks:
            for at in range(40):
                tasks.start(f"apply {at}", stage.apply(site(f"many{at}")))
                await clock.sleep(0.1)
        assert stage.nginx.reloads - before <= 6

    play(story, has_edge=False)


def test_a_reload_waits_for_workers_that_drain_where_there_are_too_many() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        kept = {(number, 1) for number in range(1_000, 1_008)}
        stage.nginx.draining |= kept
        asyncio.get_running_loop().call_later(7.0, stage.nginx.draining.difference_update, kept)
        began = stage.nginx.clock.monotonic()
        await stage.apply(site("b"))
        assert stage.nginx.clock.monotonic() - began >= 7.0

    play(story)


def test_maintenance_needs_no_reload() -> None:
    async def story(stage: Stage) -> None:
        spec = SiteSpec(hosts=("a.example.com",), targets=("127.0.0.1:9",))
        await stage.apply(site("a", spec))
        reloads, closed = stage.nginx.reloads, site("a", replace(spec, maintenance=MaintenanceSpec(enabled=True)))
        await stage.apply(closed)
        assert len(stage.nginx.there) == 1
        seen = await stage.seen(closed.id)
        assert seen.handle is not None
        assert seen.handle["maintenance"] is True
        stage.nginx.there.clear()
        drifted = await stage.seen(closed.id)
        assert drifted.state is not None
        assert drifted.state.fields["drift"] == "somebody else ended its maintenance"
        await stage.apply(closed)
        assert (await stage.seen(closed.id)).state == closed.state
        await stage.apply(site("a", spec))
        assert stage.nginx.there == set()
        assert stage.nginx.reloads == reloads

    play(story)


def test_addresses_that_are_held_anew_are_served_and_the_same_ones_change_nothing() -> None:
    async def story(stage: Stage) -> None:
        stage.held["Process/shop/web"] = ("127.0.0.1:3001",)
        await stage.apply(site("a", SiteSpec(hosts=("a.example.com",), service="web")))
        reloads = stage.nginx.reloads
        stage.engine.services_changed()
        await stage.nginx.clock.sleep(3)
        assert stage.nginx.reloads == reloads
        stage.held["Process/shop/web"] = ("127.0.0.1:3001", "127.0.0.1:3002")
        stage.engine.services_changed()
        await stage.nginx.clock.sleep(3)
        assert stage.nginx.reloads == reloads + 1
        assert stage.nginx.memory is not None
        assert "127.0.0.1:3002" in stage.nginx.memory.text

    play(story)


def test_who_stops_a_replica_can_wait_until_nobody_is_sent_to_it() -> None:
    async def story(stage: Stage) -> None:
        stage.held["Process/shop/web"] = ("127.0.0.1:3001",)
        await stage.apply(site("a", SiteSpec(hosts=("a.example.com",), service="web")))
        reloads = stage.nginx.reloads
        await stage.engine.services_served("Process/shop/web")
        await stage.engine.services_served("Process/shop/nobody")
        assert stage.nginx.reloads == reloads, "nothing was to be done"
        stage.held["Process/shop/web"] = ("127.0.0.1:3002",)
        await stage.engine.services_served("Process/shop/web")
        assert stage.nginx.memory is not None
        assert "127.0.0.1:3002" in stage.nginx.memory.text
        assert "127.0.0.1:3001" not in stage.nginx.memory.text
        stage.nginx.refusals.append("no")
        stage.held["Process/shop/web"] = ("127.0.0.1:3003",)
        await stage.engine.services_served("Process/shop/web")
        assert "127.0.0.1:3003" not in stage.nginx.memory.text, "a rollout does not wait for ever"
        await stage.until_told("edge.reloaded", 4)
        assert "127.0.0.1:3003" in stage.nginx.memory.text

    play(story)


def test_a_name_is_looked_up_again() -> None:
    async def story(stage: Stage) -> None:
        wanted = site("a", SiteSpec(hosts=("a.example.com",), targets=("app.internal:80",)))
        await stage.apply(wanted)
        seen = await stage.seen(wanted.id)
        assert seen.handle is not None
        assert "app.internal has no address yet" in str(seen.handle["notes"])
        stage.names["app.internal"] = ("10.0.0.7",)
        await stage.nginx.clock.sleep(60)
        assert stage.nginx.memory is not None
        assert "10.0.0.7:80" in stage.nginx.memory.text

    play(story)


def test_a_secret_that_is_missing_fails_its_site_alone() -> None:
    async def story(stage: Stage) -> None:
        auth = AuthSpec(basic=BasicAuth(users=SecretRef(secret="users")))
        guarded = site("a", SiteSpec(hosts=("a.example.com",), targets=("127.0.0.1:9",), auth=auth))
        errors = await all_of(error_of(stage.apply(guarded)), error_of(stage.apply(site("b"))))
        assert errors[0] is not None
        assert (errors[0].code, errors[1]) == ("HF3110", None)
        assert [str(where) for where in errors[0].where] == ["a.yaml:3"]
        stage.secrets.values["users"] = "ann:{PLAIN}secret"
        await stage.apply(guarded)
        assert stage.nginx.ground.secrets == {"users": b"ann:{PLAIN}secret"}
        assert "secret" not in repr(stage.nginx.ground)

    play(story)


def test_a_certificate_that_is_missing_fails_its_site_alone() -> None:
    async def story(stage: Stage) -> None:
        stage.nginx.unmade.add("shop/a")
        error = await fails("HF3187", stage.apply(site("a")))
        assert "there is no certificate shop/a" in error.message
        await stage.apply(site("b"))
        stage.nginx.unmade.clear()
        await stage.apply(site("a"))

    play(story)


def test_an_edge_that_this_nginx_cannot_be_is_refused_and_the_sites_serve_on() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        stage.nginx.can = replace(stage.nginx.can, openssl=(1, 1, 0))
        await fails("HF1323", stage.apply(edge(tls=EdgeTls(profile="modern"))))
        assert await stage.status("a.example.com") == 200

    play(story)


def test_two_sites_that_want_one_path_are_told_apart() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("b", SiteSpec(hosts=("x.example.com",), targets=("127.0.0.1:9",))))
        error = await fails("HF1320", stage.apply(site("a", SiteSpec(hosts=("x.example.com",), targets=("127.0.0.1:8",)))))
        assert [str(where) for where in error.where] == ["a.yaml:3", "b.yaml:3"]

    play(story)


def test_what_visitors_get_is_looked_at_and_a_renewed_pair_is_read() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        stage.nginx.pairs["shop/a"] = "another"
        began = stage.nginx.clock.monotonic()
        told = await stage.until_told("edge.drifted")
        assert stage.nginx.clock.monotonic() - began <= 15.0
        assert "another certificate" in str(told.data["message"])
        assert (await stage.seen(site("a").id)).state != site("a").state
        await stage.apply(site("a"))
        assert (await stage.seen(site("a").id)).state == site("a").state
        stage.nginx.pairs["shop/a"] = "a third one"
        stage.engine.renewed()
        await stage.nginx.clock.sleep(2)
        assert stage.nginx.memory is not None
        assert stage.nginx.memory.certificates["shop/a"] == "a third one"
        assert len(stage.events("edge.drifted")) == 1

    play(story)


def test_a_busy_moment_is_no_drift() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        stage.nginx.busy = 1
        await stage.nginx.clock.sleep(60)
        assert stage.nginx.busy == 0
        assert stage.events("edge.drifted") == []

    play(story)


def test_a_host_that_a_change_breaks_goes_back() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        generation = stage.nginx.link
        stage.nginx.answers = lambda text: 502 if "127.0.0.1:8;" in text or "127.0.0.1:8 " in text else 200
        broken = site("a", SiteSpec(hosts=("a.example.com",), targets=("127.0.0.1:8",)))
        error = await fails("HF3186", stage.apply(broken))
        assert "it answers 502, and 200 before" in error.message
        assert stage.nginx.link == generation
        assert await stage.nginx.answer() == generation
        assert await stage.status("a.example.com") == 200

    play(story)


def test_only_the_last_generations_are_kept() -> None:
    async def story(stage: Stage) -> None:
        for name in "abcdefgh":
            await stage.apply(site(name))
        assert len(stage.nginx.generations) == KEPT
        assert stage.nginx.link in stage.nginx.generations

    play(story)


def test_what_a_new_nginx_renders_otherwise_is_brought_to_serve_at_the_next_start() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        generation = stage.nginx.link
        stage.nginx.can = Capability(version=(1, 31, 3), modules=stage.nginx.can.modules, openssl=(3, 5, 4))
        async with stage.restarted():
            await stage.until_told("edge.reloaded", 3)
            assert stage.nginx.link != generation
            assert await stage.status("a.example.com") == 200

    play(story)


def test_what_cannot_be_taken_over_at_a_start_leaves_what_serves() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        generation = stage.nginx.link
        stage.nginx.can = replace(stage.nginx.can, version=(1, 31, 3))
        stage.nginx.refusals += ["no"] * 3
        async with stage.restarted():
            await stage.until_told("edge.refused")
            assert stage.nginx.link == generation
            assert await stage.status("a.example.com") == 200
            await stage.until_told("edge.reloaded", 3)
            assert stage.nginx.link != generation

    play(story)


def test_steps_that_come_while_the_daemon_ends_are_answered() -> None:
    async def story(stage: Stage) -> None:
        stage.nginx.slow_s = 5.0
        async with Tasks() as tasks:
            waiting: list[str] = []

            async def one(name: str) -> None:
                error = await error_of(stage.apply(site(name)))
                waiting.append(error.code if error else "")

            tasks.start("first", one("a"))
            await stage.nginx.clock.sleep(1)
            tasks.start("second", one("b"))
            await stage.nginx.clock.sleep(1)
            await stage.end()
        assert waiting == ["HF3189", "HF3189"]
        await fails("HF3189", stage.apply(site("c")))
        await stage.begin()

    play(story)


def test_a_site_that_was_refused_is_looked_at_as_absent_and_can_come_later() -> None:
    async def story(stage: Stage) -> None:
        await fails("HF3181", stage.apply(refused_site("a")))
        assert (await stage.seen(site("a").id)).state is None
        await stage.apply(site("a"))
        assert (await stage.seen(site("a").id)).state == site("a").state

    play(story)


def test_a_simulated_visit_of_plain_http_is_redirected() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        seen = await stage.nginx.visit(Visit(address="", port=80, host="a.example.com", is_tls=False), timeout_s=1)
        assert seen == Seen(status=308, headers={"location": "https://a.example.com/"})
        assert isinstance(stage.nginx, SimulatedNginx)

    play(story)


def test_only_what_differs_is_tested_and_the_whole_where_that_says_too_little() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        stage.nginx.tested.clear()
        await stage.apply(site("b"))
        assert stage.nginx.tested == [False]
        await fails("HF3181", stage.apply(refused_site("c")))
        assert stage.nginx.tested[1:] == [False, True], "what is refused is refused by a test of the whole"
        stage.nginx.tested.clear()
        stage.nginx.refusals.append("whatever")
        await fails("HF3183", stage.apply(site("d")))
        assert stage.nginx.tested == [False, True], "what only the master refuses is looked at as a whole, to say whose it is"
        stage.nginx.tested.clear()
        await stage.apply(edge(connections=300))
        assert stage.nginx.tested == [True]
        assert [await stage.status(f"{name}.example.com") for name in "abcd"] == [200, 200, None, None]

    play(story)


def test_a_file_of_another_site_that_was_broken_by_hand_is_found_by_the_master() -> None:
    async def story(stage: Stage) -> None:
        await stage.apply(site("a"))
        assert stage.nginx.link is not None
        text = stage.nginx.files[stage.nginx.link]
        stage.nginx.refusals.append("cannot load certificate")
        error = await fails("HF3183", stage.apply(site("b")))
        assert "cannot load certificate" in error.message
        assert stage.nginx.memory is not None
        assert stage.nginx.memory.text == text

    play(story)
