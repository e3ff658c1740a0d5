package segue_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// files returns the files of the tree with a suffix, by slash-separated path
// from the root of the module.
func files(t *testing.T, suffix string) map[string]string {
	t.Helper()

	found := map[string]string{}

	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, suffix):
			return nil
		}

		b, err := os.ReadFile(name)
		found[filepath.ToSlash(name)] = string(b)

		return err
	})
	if err != nil {
		t.Fatal(err)
	}

	return found
}

func read(t *testing.T, name string) string {
	t.Helper()

	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}

	return string(b)
}

// section returns what stands below a heading, up to the next of its level.
func section(t *testing.T, name, heading string) string {
	t.Helper()

	_, text, found := strings.Cut("\n"+read(t, name), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", name, heading)
	}

	level, _, _ := strings.Cut(heading, " ")
	text, _, _ = strings.Cut(text, "\n"+level+" ")

	return text
}

// firstCells returns what stands in backquotes in the first cells of the tables
// of a text.
func firstCells(text string) map[string]bool {
	cells := map[string]bool{}

	for _, row := range regexp.MustCompile("(?m)^\\| ([^|]*`[^|]*) \\|").FindAllStringSubmatch(text, -1) {
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			cells[m[1]] = true
		}
	}

	return cells
}

// same compares what documents list with what there is.
func same(t *testing.T, what string, documented, there map[string]bool) {
	t.Helper()

	for _, name := range slices.Sorted(maps.Keys(there)) {
		if !documented[name] {
			t.Errorf("%s: %q is not documented", what, name)
		}
	}

	for _, name := range slices.Sorted(maps.Keys(documented)) {
		if !there[name] {
			t.Errorf("%s: %q is documented but does not exist", what, name)
		}
	}
}

// matches returns the first groups of all matches in several texts.
func matches(pattern string, texts ...string) map[string]bool {
	found := map[string]bool{}

	for _, text := range texts {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found[m[1]] = true
		}
	}

	return found
}

func TestCitedDocumentsExist(t *testing.T) {
	headings := matches(`(?m)^## (\d+)\. `, read(t, "docs/protocol.md"))

	for name, text := range files(t, ".go") {
		for doc := range matches(`\b(docs/[a-zA-Z0-9_/-]+\.(?:md|svg))\b`, text) {
			if _, err := os.Stat(doc); err != nil {
				t.Errorf("%s cites %s: %v", name, doc, err)
			}
		}

		for n := range matches(`docs/protocol\.md section (\d+)`, text) {
			if !headings[n] {
				t.Errorf("%s cites section %s of docs/protocol.md, which has none", name, n)
			}
		}
	}
}

func TestPackagesAreInTheArchitecture(t *testing.T) {
	there := map[string]bool{}

	for name := range files(t, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}

		dir := path.Dir(name)
		if dir == "." {
			dir = "segue"
		}

		there[dir] = true
	}

	same(t, "packages", firstCells(section(t, "ARCHITECTURE.md", "## Packages")), there)
}

func TestLinksResolve(t *testing.T) {
	docs := files(t, ".md")
	code := regexp.MustCompile("(?ms)^```.*?^```$")

	for name, text := range docs {
		docs[name] = code.ReplaceAllString(text, "")
	}

	for name, text := range docs {
		for link := range matches(`\]\(([^)\s]+)\)`, text) {
			if strings.Contains(link, "://") {
				continue
			}

			file, anchor, _ := strings.Cut(link, "#")
			to := name

			if file != "" {
				to = path.Join(path.Dir(name), file)
			}

			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", name, link, err)
			} else if anchor != "" && !anchors(docs[to])[anchor] {
				t.Errorf("%s links to %s, but there is no such heading", name, link)
			}
		}
	}
}

// anchors returns the anchors of the headings of a document.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	odd := regexp.MustCompile(`[^a-z0-9 _-]`)

	for heading := range matches(`(?m)^#+ (.+)$`, text) {
		found[strings.ReplaceAll(odd.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")] = true
	}

	return found
}

// Files, tests and directories of the tree that documents name exist.
func TestSourcesNamedInDocumentsExist(t *testing.T) {
	var code strings.Builder

	dirs := map[string]bool{}

	for name, text := range files(t, ".go") {
		code.WriteString(text)

		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			dirs[path.Base(dir)] = dirs[path.Base(dir)] || !strings.Contains(dir, "/")
		}
	}

	for name, text := range files(t, ".md") {
		for ref := range matches("`([a-z]+/[A-Za-z0-9_./*-]+)`", text) {
			if top, _, _ := strings.Cut(ref, "/"); !dirs[top] && top != "docs" {
				continue // not of this tree
			}

			file := ref
			if ext := path.Ext(ref); len(ext) > len(".yaml") || strings.ToLower(ext) != ext { // a name in a package
				dir, base := path.Split(ref)
				base, _, _ = strings.Cut(base, ".")
				file = dir + base
			}

			if found, err := filepath.Glob(file); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", name, ref)
			}
		}

		for test := range matches("`(Test[A-Za-z0-9]+)`", text) {
			if !strings.Contains(code.String(), "func "+test+"(") {
				t.Errorf("%s names %s, which does not exist", name, test)
			}
		}
	}
}
