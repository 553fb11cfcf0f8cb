// Package mistake tells a user's mistakes from the server's. The library reports some
// as plain errors, which the user would be told of as internal ones (500): clients try
// those again, and whoever runs the server is called.
package mistake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// beginnings are those of what the library says about what was sent, as opposed to the
// stored object, for which the user is not to blame.
var beginnings = []string{
	// The field manager, about an object that is applied.
	"failed to create typed patch object",
	"failed to convert new object",
	"failed to convert new typed object",
	// Strategic merge patches, about their values and directives.
	"list element types are not identical",
	"expected a ",
	"unknown patch type",
	"map: ",
	"delete patch type",
}

// Explain gives an error of an update the code 400 if it is about what the user sent:
// fields, values or directives that do not fit, or a resourceVersion that is none.
// Other errors stay.
func Explain(err error) error {
	var status apierrors.APIStatus
	if err == nil || errors.As(err, &status) {
		return err
	}
	for _, beginning := range beginnings {
		if strings.HasPrefix(err.Error(), beginning) {
			return apierrors.NewBadRequest(err.Error())
		}
	}
	// The store parses nothing but versions.
	var number *strconv.NumError
	if errors.As(err, &number) {
		return apierrors.NewBadRequest(fmt.Sprintf("metadata.resourceVersion: %.100q is not a version that the server gave", number.Num))
	}
	return err
}
