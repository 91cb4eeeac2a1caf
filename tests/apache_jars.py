"""Apache Kafka's jars, as `make setup` laid them out under `.cache/java/`, and how to run a class out of them.

.cache/java/<version>/*.jar            the jars of tests/java/kafka-<version>/pom.xml
.cache/java/classes-<version>/ottla/   tests/java/ottla/*.java compiled against them
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

KafkaVersion: TypeAlias = Literal["4.1.1", "3.9.1"]

ROOT: Final = Path(__file__).resolve().parent.parent
JAVA_CACHE: Final = ROOT / ".cache" / "java"

# A test's JVM lives for seconds: the first compiler tier alone and no second collector thread start fastest.
QUICK_JVM: Final = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-Xmx512m")


def class_path(version: KafkaVersion) -> str:
    """The class path of one Kafka version with this project's own test classes in front."""
    jars, classes = JAVA_CACHE / version, JAVA_CACHE / f"classes-{version}"
    if not (jars.is_dir() and classes.is_dir()):
        raise FileNotFoundError(f"{jars} and {classes} are not both there: run `make setup` first")
    return f"{classes}:{jars}/*"


def java_command(version: KafkaVersion, main_class: str, *jvm_options: str) -> list[str]:
    """The start of a command line that runs a class; its arguments are the caller's to append."""
    return ["java", *(jvm_options or QUICK_JVM), "-cp", class_path(version), main_class]
