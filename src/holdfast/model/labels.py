"""Labels and annotations that Holdfast itself gives a meaning to, and Argo CD's that it honours."""

from __future__ import annotations

OWN = "holdfast.dev/"
"""What begins so is ours: an unknown one is an error, never passed over."""
APPLICATION = "holdfast.dev/application"
"""Label: whose resource it is."""
EXCLUSIVE = "holdfast.dev/exclusive"
"""Label: comma-separated tokens (`tcp:127.0.0.1:8080`, `file:/etc/motd`) that only one declared resource can hold at a time."""

ADOPT = "holdfast.dev/adopt"
HEAL = "holdfast.dev/heal"

FORMAT = "holdfast.dev/format"
PREPARE = "holdfast.dev/prepare"
PROGRESS_DEADLINE = "holdfast.dev/progress-deadline"
ROLLBACK = "holdfast.dev/rollback"
PM2_ENV = "holdfast.dev/pm2-env"
COMPOSE_PROFILES = "holdfast.dev/compose-profiles"
"""Profiles of the compose file that run, with commas; over COMPOSE_PROFILES of its .env."""

ARGO = "argocd.argoproj.io/"
SYNC_WAVE = "argocd.argoproj.io/sync-wave"
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
