package env

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// raceMark is how the report of a data race begins in the log of a program that was built with the race detector.
const raceMark = "WARNING: DATA RACE"

// raceReport is how much of a log is shown from there, in bytes.
const raceReport = 8 << 10

// findRace returns an error with the first data race that a log of the folder reports.
func findRace(logs string) error {
	files, err := filepath.Glob(filepath.Join(logs, "*.log"))
	if err != nil {
		return fmt.Errorf("look for data races: %w", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("look for data races: %w", err)
		}
		if at := bytes.Index(data, []byte(raceMark)); at >= 0 {
			return fmt.Errorf("%s:\n%s", filepath.Base(file), data[at:min(len(data), at+raceReport)])
		}
	}
	return nil
}
