package segue_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/segue-cluster/segue/node"
)

const operations = "docs/operations.md"

func TestFlagsAreDocumented(t *testing.T) {
	var help bytes.Buffer
	if _, err := node.LoadConfig([]string{"-h"}, nil, &help); !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("LoadConfig(-h) = %v, want %v", err, flag.ErrHelp)
	}

	want := flagTable(help.String())
	_, rest, _ := strings.Cut(read(t, operations), "<!-- flags: begin, compared by TestFlagsAreDocumented -->\n")

	if got, _, _ := strings.Cut(rest, "<!-- flags: end -->"); got != want {
		t.Errorf("the table of flags in %s is not the one of the program. It should be:\n%s", operations, want)
	}
}

// flagTable makes a table of the text that package flag prints.
func flagTable(help string) string {
	table := "| Flag | Variable | Default | |\n|---|---|---|---|\n"
	row := regexp.MustCompile(`(?m)^  -(\S+) ?(.*)\n    \t(.*)$`)

	for _, m := range row.FindAllStringSubmatch(help, -1) {
		name, usage, def := m[1], m[3], ""

		if i := strings.LastIndex(usage, " (default "); i >= 0 && !strings.HasPrefix(usage[i:], " (default: ") {
			def = "`" + strings.Trim(strings.TrimSuffix(usage[i+len(" (default "):], ")"), `"`) + "`"
			usage = usage[:i]
		}

		form := "--" + name
		if m[2] != "" {
			form += " " + strings.ToUpper(m[2])
		}

		variable := "SEGUE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		table += fmt.Sprintf("| `%s` | `%s` | %s | %s |\n", form, variable, def, usage)
	}

	return table
}

// sources returns the code of a directory, its tests excluded.
func sources(t *testing.T, dir string) string {
	t.Helper()

	all := files(t, ".go")

	var code strings.Builder

	for _, name := range slices.Sorted(maps.Keys(all)) {
		if strings.HasPrefix(name, dir) && !strings.HasSuffix(name, "_test.go") {
			code.WriteString(all[name])
		}
	}

	return code.String()
}

func TestMetricsAreDocumented(t *testing.T) {
	same(t, "metrics", matches(`^(segue_\w+)$`, slices.Collect(maps.Keys(firstCells(section(t, operations, "## Metrics"))))...),
		matches(`"(segue_[a-z0-9_]+)"`, sources(t, "node/")))
}

func TestAdminPathsAreDocumented(t *testing.T) {
	documented := map[string]bool{}
	for request := range firstCells(section(t, operations, "## The admin API")) {
		documented[request] = true
	}

	there := map[string]bool{}

	route := regexp.MustCompile(`mux\.Handle\("(/v1/[^"]*)", methods\{(.*)\}\)`)
	for _, m := range route.FindAllStringSubmatch(read(t, "internal/httpapi/admin.go"), -1) {
		for method := range matches(`http\.Method(\w+):`, m[2]) {
			there[strings.ToUpper(method)+" "+m[1]] = true
		}
	}

	for request := range documented {
		if !strings.Contains(request, " /v1/") {
			delete(documented, request) // a parameter
		}
	}

	same(t, "requests of the admin API", documented, there)
}

func TestErrorCodesAreDocumented(t *testing.T) {
	same(t, "error codes", firstCells(section(t, operations, "## Calls from any language")),
		matches(`(?:condition\(|segue\.Code = )"(\w+)"`, read(t, "errors.go"), read(t, "internal/httpapi/problem.go")))
}

func TestExitCodesAreDocumented(t *testing.T) {
	same(t, "exit codes", matches(`(?m)^\| (\d+) \|`, section(t, operations, "## Stopping")),
		matches(`(?m)^\texit\w+ += (\d+)`, read(t, "cmd/segue/exit.go")))
}

func TestLogMessagesExist(t *testing.T) {
	code := sources(t, "")

	for message := range firstCells(section(t, operations, "## What the log says")) {
		if !strings.Contains(code, `"`+message) {
			t.Errorf("%s explains the log message %q, which nothing writes", operations, message)
		}
	}
}
