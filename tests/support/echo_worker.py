"""What `planner worker support.echo_worker:worker` runs: the sample's handlers, but for the action that the README's worker performs."""

from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import KafkaSettings, load
from planner.worker import PlannerWorker
from planner.worker.sample import echo, fail

worker = PlannerWorker(KafkaConnection.from_settings(load(KafkaSettings)), "tests", name="the echo worker")
worker.action("demo.echo")(echo)
worker.action("demo.fail")(fail)
