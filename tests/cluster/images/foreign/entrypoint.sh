#!/bin/sh
# Uses the names of the contract, each of which has to be set; the task says how it ends.
set -eu
echo "task=$TASK"
echo "repo=$REPO_URL branch=$REPO_BRANCH"
echo "github=$GITHUB_TOKEN"
echo "oauth=$CLAUDE_CODE_OAUTH_TOKEN key=$ANTHROPIC_API_KEY"
echo "hapi=$HAPI_CLI_TOKEN"
echo "database=$DATABASE_URL name=$DATABASE_NAME redis=$REDIS_URL"
echo "user=$(id -u):$(id -g) in $PWD"
touch "$PWD/made"
echo "age=$(cat /secrets/age-key.txt 2>/dev/null || echo none)"
echo "said by the task: $TASK" >&2
case $TASK in
  fail*) exit 3 ;;
  wait*) exec sleep 300 ;;
esac
