#!/usr/bin/env bash
# Packs what an installation needs into FOLDER, for `-c packages=s3://bucket/folder`: bin/pack.sh FOLDER
# Instances install these tarballs in place of the released packages.
set -euo pipefail
folder=$(realpath -m "${1:?usage: bin/pack.sh FOLDER}")
cd "$(dirname "$0")/../../.."
mkdir -p "$folder"
npm run --silent build
npm pack --silent --pack-destination "$folder" \
  -w packages/protocol -w packages/core -w packages/redis -w packages/gateway -w packages/client -w packages/swarm \
  -w packages/platform -w packages/doctor -w packages/aws -w packages/cli
