#!/bin/bash
# Signs ltxdesktop.app and wraps it in a disk image: make_dmg.sh APP VERSION OUTPUT_FOLDER
#
#   SIGN_IDENTITY    Developer ID Application: … (default: "-", an ad-hoc signature that only this machine trusts)
#   NOTARY_PROFILE   a keychain profile of `xcrun notarytool store-credentials`; then the image is notarised and stapled
#
# Signed inside out and never with --deep: every Mach-O file, then the app. Other files are sealed by the app's own
# signature, and signing each of them takes minutes and runs into the limit of open files.
set -euo pipefail

app=${1:?the app}
version=${2:?its version}
output=${3:?the folder for the image}
here=$(cd "$(dirname "$0")" && pwd)
identity=${SIGN_IDENTITY:--}
image="$output/ltxdesktop-$version-arm64.dmg"

sign() {
    if [ "$identity" = "-" ]; then
        codesign --force --sign - "$@"
    else
        codesign --force --timestamp --options runtime --sign "$identity" "$@"
    fi
}

echo "signing as: $identity"
find "$app/Contents" -type f -print0 | while IFS= read -r -d '' file; do
    case $(file -b "$file") in
        Mach-O*) [ "$file" = "$app/Contents/MacOS/ltxdesktop" ] || sign "$file" ;;
    esac
done
sign --entitlements "$here/entitlements.plist" "$app"
codesign --verify --strict --verbose=2 "$app"

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
ditto "$app" "$stage/ltxdesktop.app"
ln -s /Applications "$stage/Applications"
rm -f "$image"
hdiutil create -volname ltxdesktop -srcfolder "$stage" -fs HFS+ -format ULFO -ov "$image"

if [ "$identity" != "-" ]; then
    codesign --force --timestamp --sign "$identity" "$image"
fi
if [ -n "${NOTARY_PROFILE:-}" ]; then
    if [ "$identity" = "-" ]; then
        echo "make_dmg.sh: Apple notarises only what is signed with a Developer ID: set SIGN_IDENTITY" >&2
        exit 1
    fi
    xcrun notarytool submit "$image" --keychain-profile "$NOTARY_PROFILE" --wait
    xcrun stapler staple "$image"
fi
echo "$image"
