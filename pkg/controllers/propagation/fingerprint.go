package propagation

import (
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// fingerprint identifies a copy as we left it: what was applied, and which
// object with which fields of ours came out. As long as both are the same there
// is nothing to send: whoever changes a field that we own takes it from us, and
// whoever makes the object anew gives it another UID.
//
// It has two parts, so that drift in the member can be told from a change of the
// federated object.
func fingerprint(rendered string, observed members.Observed) string {
	sum := sha256.Sum256([]byte(observed.Owned + "\x00" + string(observed.UID)))
	return rendered + "." + base64.RawURLEncoding.EncodeToString(sum[:8])
}

// appliedSame says whether a fingerprint is one of this rendered object.
func appliedSame(recorded, rendered string) bool {
	hash, _, found := strings.Cut(recorded, ".")
	return found && hash == rendered
}

// version is what KubeFed records of a copy: its generation, or its
// resourceVersion where the kind has none.
func version(observed members.Observed) string {
	if observed.Generation != 0 {
		return "gen:" + strconv.FormatInt(observed.Generation, 10)
	}
	return "rv:" + observed.ResourceVersion
}
