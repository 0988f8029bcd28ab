"""A Spark of the tests' own: a master and two workers, each a process, that speak to each other over sockets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from brokers import tools
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
# A Java that runs for a minute gains nothing by its second compiler, nor by threads that collect garbage.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
# Few rows: what Spark does to be quick with many would take longer than the work.
CONFIGURATION = f"""
spark.ui.enabled false
spark.driver.host {HOST}
spark.driver.memory 1g
spark.ui.showConsoleProgress false
spark.driver.extraJavaOptions {JAVA}
spark.executor.extraJavaOptions {JAVA}
spark.executor.memory 700m
spark.sql.shuffle.partitions 2
spark.sql.adaptive.enabled false
spark.sql.codegen.wholeStage false
spark.sql.codegen.factoryMode NO_CODEGEN
"""
LOGGING = """
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.target = SYSTEM_ERR
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %m%n
"""
MASTER = re.compile(r"Starting Spark master at (spark://\S+)")
REGISTERED = "Successfully registered with master"


@contextmanager
def started(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the URL of a master with two workers, and the environment in which a session finds its settings."""
    tools.tool("java")
    configuration = folder / "configuration"
    configuration.mkdir()
    (configuration / "spark-defaults.conf").write_text(CONFIGURATION)
    (configuration / "log4j2.properties").write_text(LOGGING)
    environment = os.environ | {
        "SPARK_CONF_DIR": str(configuration),
        "SPARK_WORKER_DIR": str(folder / "work"),
        "SPARK_LOCAL_IP": HOST,
        "SPARK_DAEMON_JAVA_OPTS": JAVA,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_PYTHON": "there is none",  # for executors
    }
    with ExitStack() as stack:
        log = stack.enter_context(_running("Master", [], folder / "master.log", environment))
        until(lambda: MASTER.search(log.read_text()), "a master", timeout=120)
        url = MASTER.findall(log.read_text())[0]
        for number in (1, 2):
            worker = ["--cores", "1", "--memory", "1g", url]
            own = stack.enter_context(_running("Worker", worker, folder / f"worker-{number}.log", environment))
            until(lambda: REGISTERED in own.read_text(), "a worker", timeout=120)  # noqa: B023
        yield url, environment


@contextmanager
def _running(part: str, arguments: list[str], log: Path, environment: dict[str, str]) -> Iterator[Path]:
    import pyspark

    program = Path(pyspark.__file__).parent / "bin" / "spark-class"
    command = [str(program), f"org.apache.spark.deploy.{part.lower()}.{part}", "--host", HOST, "--webui-port", "0"]
    with (
        log.open("w") as out,
        subprocess.Popen([*command, *arguments], env=environment, stderr=out, stdout=out) as process,
    ):
        try:
            yield log
        finally:
            process.kill()
