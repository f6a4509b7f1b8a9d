#!/bin/sh
# Makes Tierline's namespace, and every search attribute that it lacks. Safe to run again.
#
# Needs the `temporal` command and TEMPORAL_ADDRESS; TEMPORAL_NAMESPACE (default: default) and TEMPORAL_RETENTION
# (default: 720h, how long a closed ticket's history stays) are read too.
set -eu

namespace=${TEMPORAL_NAMESPACE:-default}

patiently() { # carry out a command again until it succeeds, for two minutes
  tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      "$@" # once more, and say what is wrong
      return
    fi
    sleep 2
  done
}

patiently temporal operator cluster health
temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1 ||
  temporal operator namespace create --namespace "$namespace" --retention "${TEMPORAL_RETENTION:-720h}"
# The server notices a new namespace some seconds after it has made it.
patiently temporal operator search-attribute list --namespace "$namespace"

# The registry of workflows/search_attributes.py; a test compares the two.
attributes="
TicketStatus Keyword
Tier Keyword
Priority Keyword
Plan Keyword
Account Keyword
Assignee Keyword
SlaState Keyword
WaitsOn Keyword
Refs KeywordList
SlaDeadline Datetime
WaitsSince Datetime
"

known=$(temporal operator search-attribute list --namespace "$namespace")
echo "$attributes" | while read -r name type; do
  if [ -n "$name" ] && ! echo "$known" | grep -q "^ *$name  *"; then
    temporal operator search-attribute create --namespace "$namespace" --name "$name" --type "$type"
  fi
done
echo "namespace $namespace has every search attribute"
