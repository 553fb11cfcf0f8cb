package output

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                       "plain",
		"two\nlines\tand a tab":       "two lines and a tab",
		"\x1b[31mred\x1b[0m":          "[31mred[0m",
		"back\u202eward":              "backward",
		"title\x1b]0;owned\x07":       "title]0;owned",
		"größe, 大きさ, zero\u200bwidth": "größe, 大きさ, zerowidth",
	} {
		require.Equal(t, want, Clean(text))
	}
}

func TestPrintAll(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, PrintAll(&out, YAML, []map[string]int{{"a": 1}, {"b": 2}}))
	require.Equal(t, "a: 1\n---\nb: 2\n", out.String())
	out.Reset()
	require.NoError(t, PrintAll(&out, JSON, []map[string]int{{"a": 1}}))
	require.Equal(t, "{\n    \"a\": 1\n}\n", out.String())
}

func TestNoColourButOnATerminal(t *testing.T) {
	require.Equal(t, "text", Colors(&bytes.Buffer{}).Bad("text"))
	require.Equal(t, "\x1b[31mtext\x1b[0m", Palette{on: true}.Bad("text"))
	require.Empty(t, Palette{on: true}.Bad(""))
}

func TestCheck(t *testing.T) {
	require.NoError(t, Check("", JSON))
	require.NoError(t, Check("json", JSON, YAML))
	require.EqualError(t, Check("xml", JSON, YAML), `--output: "xml" must be one of json, yaml`)
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	colors := Palette{on: true}
	table := Table{
		Headings: []string{"NAME", "READY", "MESSAGE", "AGE"},
		Indent:   "  ",
		Rows: [][]Cell{
			{Plain("cluster1"), {Text: "True", Paint: colors.Good}, Plain(""), Plain("1m")},
			{Plain("größer"), {Text: "False", Paint: colors.Bad}, Plain(""), Plain("%dh", 2)},
		},
	}
	table.Print(&out)
	require.Equal(t, "  NAME       READY   AGE\n"+
		"  cluster1   \x1b[32mTrue\x1b[0m    1m\n"+
		"  größer     \x1b[31mFalse\x1b[0m   2h\n", out.String())
}
