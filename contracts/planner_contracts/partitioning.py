"""Record key -> partition: the Java client's default partitioner (murmur2), the only one in the project."""

_MASK = 0xFFFFFFFF
_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_SHIFT = 24
_BLOCK = 4


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a record with this key in a topic of so many partitions.

    Source: `org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey`: the positive murmur2 hash modulo
    the number of partitions.
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """32-bit murmur2 as `org.apache.kafka.common.utils.Utils.murmur2` computes it, unsigned."""
    length = len(data)
    digest = _SEED ^ length
    whole = length - length % _BLOCK
    for start in range(0, whole, _BLOCK):
        block = int.from_bytes(data[start : start + _BLOCK], "little") * _MULTIPLIER & _MASK
        block ^= block >> _SHIFT
        block = block * _MULTIPLIER & _MASK
        digest = (digest * _MULTIPLIER & _MASK) ^ block
    if tail := data[whole:]:
        digest = (digest ^ int.from_bytes(tail, "little")) * _MULTIPLIER & _MASK
    digest ^= digest >> 13
    digest = digest * _MULTIPLIER & _MASK
    return digest ^ (digest >> 15)
