-- Beside the database `mlflow` (runs), which PostgreSQL's image makes by itself.
CREATE DATABASE auth;
