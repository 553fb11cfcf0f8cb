// Package output prints what commands have to tell.
package output

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"
)

// Formats of --output.
const (
	JSON = "json"
	YAML = "yaml"
	Wide = "wide"
	Name = "name"
)

// Check refuses an --output that is none of the formats; none is always one.
func Check(format string, formats ...string) error {
	if format == "" || slices.Contains(formats, format) {
		return nil
	}
	return fmt.Errorf("--output: %q must be one of %s", format, strings.Join(formats, ", "))
}

// Print writes one object as JSON or YAML.
func Print(out io.Writer, format string, object any) error {
	text, err := Marshal(format, object)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

// Marshal encodes one object as JSON or YAML.
func Marshal(format string, object any) ([]byte, error) {
	encode := yaml.Marshal
	if format == JSON {
		encode = func(object any) ([]byte, error) {
			text, err := json.MarshalIndent(object, "", "    ")
			return append(text, '\n'), err
		}
	}
	text, err := encode(object)
	if err != nil {
		return nil, fmt.Errorf("printing as %s: %w", format, err)
	}
	return text, nil
}

// Manifest is an object as a person would write it: without its status.
func Manifest(object any) (map[string]any, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("printing an object: %w", err)
	}
	var manifest map[string]any
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("printing an object: %w", err)
	}
	delete(manifest, "status")
	return manifest, nil
}

// PrintAll writes objects one after the other, YAML with lines between them.
func PrintAll[T any](out io.Writer, format string, objects []T) error {
	for i, object := range objects {
		if i > 0 && format != JSON {
			fmt.Fprintln(out, "---")
		}
		if err := Print(out, format, object); err != nil {
			return err
		}
	}
	return nil
}

// IsTerminal says whether a person looks at out.
func IsTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Palette colours text. The zero value leaves it as it is.
type Palette struct{ on bool }

// Colors returns colours on a terminal, unless the user does not want any
// (https://no-color.org).
func Colors(out io.Writer) Palette {
	return Palette{on: IsTerminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Good is for what is as it shall be.
func (p Palette) Good(text string) string { return p.paint("32", text) }

// Bad is for what is not.
func (p Palette) Bad(text string) string { return p.paint("31", text) }

// Faint is for what matters less.
func (p Palette) Faint(text string) string { return p.paint("2", text) }

// Strong is for headings.
func (p Palette) Strong(text string) string { return p.paint("1", text) }

func (p Palette) paint(code, text string) string {
	if !p.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Clean takes control characters, which could command a terminal, out of text
// that clusters have sent; lines become one.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text)
}
