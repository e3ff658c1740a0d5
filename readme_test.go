package segue_test

import (
	"os"
	"strings"
	"testing"
)

// The program that README.md shows is the one that is compiled and tested.
func TestReadmeShowsTheProgram(t *testing.T) {
	const path = "examples/minimal/main.go"

	program, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}

	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}

	if block := "```go\n" + string(program) + "```\n"; !strings.Contains(string(readme), block) {
		t.Errorf("README.md does not show %s as it is: copy the file into a block of ```go", path)
	}

	if lines := strings.Count(string(program), "\n"); lines > 60 {
		t.Errorf("%s has %d lines, want at most 60: it is shown to people who decide whether to read on", path, lines)
	}
}
