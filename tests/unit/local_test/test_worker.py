"""Which process of a server the check kills to see whether it is replaced: one that works."""

from dataclasses import replace

from local_test.platform.processes import Process, busiest_child

MAIN = Process(pid=1, parent=0, container_pid=1, resident_kb=9_000, root=True, ticks=50)
HELPER = Process(pid=2, parent=1, container_pid=2, resident_kb=8_000, root=True, ticks=3)
WORKER = Process(pid=3, parent=1, container_pid=3, resident_kb=5_000, root=True, ticks=40)


def after(ticks: int, process: Process) -> Process:
    return replace(process, ticks=process.ticks + ticks)


def test_an_idle_helper_of_a_server_that_works_itself_is_left_alone() -> None:
    assert busiest_child([MAIN, HELPER], [after(30, MAIN), HELPER]) is None


def test_the_busiest_child_is_killed_and_not_the_largest() -> None:
    assert busiest_child([MAIN, HELPER, WORKER], [after(2, MAIN), HELPER, busy := after(20, WORKER)]) == busy


def test_where_no_process_used_measurable_cpu_time_the_largest_child_is_killed() -> None:
    assert busiest_child([MAIN, WORKER, HELPER], [MAIN, WORKER, HELPER]) == HELPER
