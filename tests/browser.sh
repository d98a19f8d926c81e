#!/usr/bin/env bash
# Makes sure that Chromium is here: the tests of the site and of the slides look at real pages.
# Where it can't be installed, those tests are skipped with this reason; on CI they fail.
set -euo pipefail

if [ -n "${CHROME_PATH:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null ||
   [ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ]; then
  exit 0
fi

as_root=""
if [ "$(id -u)" != 0 ]; then as_root="sudo -n"; fi
if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
  echo "Installing Chromium for the tests of the site and the slides ..."
  $as_root apt-get update -qq &&
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y --no-install-recommends \
      chromium fonts-dejavu-core >/dev/null && exit 0
fi
echo "Chromium isn't here. Install Chromium or Chrome, or name it: CHROME_PATH=/path/to/chrome"
