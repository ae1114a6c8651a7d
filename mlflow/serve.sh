#!/bin/sh
# Starts the tracking server. All that it needs comes from the environment, under the names that PostgreSQL's and the
# S3 client and MLflow read themselves: so no secret is on a command line or in a file.
set -eu

for name in PGHOST PGUSER PGPASSWORD MLFLOW_S3_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY \
  MLFLOW_AUTH_ADMIN_USERNAME MLFLOW_AUTH_ADMIN_PASSWORD MLFLOW_FLASK_SERVER_SECRET_KEY MLFLOW_SERVER_ALLOWED_HOSTS; do
  eval "value=\${$name:-}"
  case $value in
    "") echo "serve.sh: $name is not set; README.md says what it is for" >&2 && exit 2 ;;
    password | password1234) echo "serve.sh: $name is a default that everybody knows; set another" >&2 && exit 2 ;;
  esac
done

MLFLOW_AUTH_CONFIG_PATH=$(cd "$(dirname "$0")" && pwd)/auth.ini
export MLFLOW_AUTH_CONFIG_PATH
export MLFLOW_BACKEND_STORE_URI=postgresql+psycopg2:///mlflow
export MLFLOW_ARTIFACTS_DESTINATION=s3://mlflow
# What xstilts does not use: jobs of the server's own, and word of its use to others.
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false
export MLFLOW_DISABLE_TELEMETRY=true

exec mlflow server --app-name basic-auth --host "${MLFLOW_HOST:-127.0.0.1}" --port "${MLFLOW_PORT:-5000}"
