from planner.recorder.app import serve
from planner.recorder.settings import RecorderSettings
from planner.runtime.lifecycle import run_process


def main() -> None:
    run_process("recorder", RecorderSettings, serve)


if __name__ == "__main__":
    main()
