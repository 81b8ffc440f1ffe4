"""Key -> partition, pinned: producers of other languages must come to the same partition as we do."""

import pytest
from aiokafka.partitioner import murmur2 as murmur2_of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from planner_contracts.partitioning import murmur2, partition_for


# The signed values stand in org.apache.kafka.common.utils.UtilsTest.testMurmur2.
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_that_of_the_java_client(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed % 2**32


@pytest.mark.parametrize(
    ("key", "partitions", "expected"),
    [(b"21", 8, 4), (b"foobar", 8, 6), (b"abc", 8, 3), (b"0c64b022-5638-5297-b2f8-3a6c471bd90a", 8, 7), (b"anything", 1, 0)],
)
def test_the_partition_of_a_key_is_pinned(key: bytes, partitions: int, expected: int) -> None:
    assert partition_for(key, partitions) == expected


@given(st.binary(max_size=64), st.integers(1, 1024))
def test_another_implementation_comes_to_the_same_partition(key: bytes, partitions: int) -> None:
    assert murmur2(key) == murmur2_of_aiokafka(key) % 2**32
    assert partition_for(key, partitions) == (murmur2_of_aiokafka(key) & 0x7FFFFFFF) % partitions
