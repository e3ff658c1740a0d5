package segue_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const module = "github.com/segue-cluster/segue"

// Rows of tables whose third cell names a constant, or a field whose comment
// has its default, have its value in the second.
func TestValuesAreThoseOfTheCode(t *testing.T) {
	code := tree{}
	row := regexp.MustCompile("(?m)^\\| [^|]+ \\| ([^|]+) \\| `([a-z/]*)\\.([A-Za-z.]+)` \\|")
	found := 0

	for name, text := range files(t, ".md") {
		for _, m := range row.FindAllStringSubmatch(text, -1) {
			found++

			want, err := code.valueOf(m[2], m[3])
			if err != nil {
				t.Errorf("%s: %s.%s: %v", name, m[2], m[3], err)

				continue
			}

			if got, err := parseValue(m[1]); err != nil || got != want {
				t.Errorf("%s: %s.%s is given as %s = %d, %v; the code has %d", name, m[2], m[3], m[1], got, err, want)
			}
		}
	}

	if found == 0 {
		t.Error("no table has values of the code")
	}
}

// tree are the packages that were parsed, by directory.
type tree map[string]*source

// source is a parsed package.
type source struct {
	tree  tree
	files []*ast.File
}

// valueOf returns the value of "Const", or the default of "Type.Field", in
// nanoseconds or bytes where it has a unit.
func (c tree) valueOf(dir, ident string) (int64, error) {
	p, err := c.parse(dir)
	if err != nil {
		return 0, err
	}

	typ, field, isField := strings.Cut(ident, ".")
	if !isField {
		return p.constant(ident)
	}

	text, err := p.comment(typ, field)
	if err != nil {
		return 0, err
	}

	m := regexp.MustCompile(`Default (\[(\w+)\]|[\d,]+( (ms|s|min|KiB|MiB))?)`).FindStringSubmatch(text)

	switch {
	case m == nil:
		return 0, fmt.Errorf("its comment %q has no default", text)
	case m[2] != "":
		return p.constant(m[2])
	}

	return parseValue(m[1])
}

// parseValue reads "500 ms", "64 KiB" or "1,024".
func parseValue(s string) (int64, error) {
	number, unit, _ := strings.Cut(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), " ")

	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("value %q: %w", s, err)
	}

	factor, ok := map[string]int64{
		"": 1, "KiB": 1 << 10, "MiB": 1 << 20,
		"ms": int64(time.Millisecond), "s": int64(time.Second), "min": int64(time.Minute),
	}[unit]
	if !ok {
		return 0, fmt.Errorf("value %q has an unknown unit", s)
	}

	return n * factor, nil
}

func (c tree) parse(dir string) (*source, error) {
	if s := c[dir]; s != nil {
		return s, nil
	}

	names, err := filepath.Glob(filepath.Join(".", filepath.FromSlash(dir), "*.go"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("there is no package %q: %w", dir, err)
	}

	s := &source{tree: c}
	c[dir] = s

	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}

		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parse: %w", err)
		}

		s.files = append(s.files, f)
	}

	return s, nil
}

// constant evaluates a constant of the package.
func (s *source) constant(name string) (int64, error) {
	for _, f := range s.files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}

			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for i, id := range v.Names {
					if id.Name == name && i < len(v.Values) {
						return s.eval(f, v.Values[i])
					}
				}
			}
		}
	}

	return 0, fmt.Errorf("there is no constant %s", name)
}

func (s *source) eval(f *ast.File, e ast.Expr) (int64, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strconv.ParseInt(strings.ReplaceAll(e.Value, "_", ""), 0, 64)
	case *ast.ParenExpr:
		return s.eval(f, e.X)
	case *ast.Ident:
		return s.constant(e.Name)
	case *ast.SelectorExpr:
		return s.other(f, e.X.(*ast.Ident).Name, e.Sel.Name)
	case *ast.BinaryExpr:
		x, errX := s.eval(f, e.X)

		y, errY := s.eval(f, e.Y)
		if errX != nil || errY != nil {
			return 0, fmt.Errorf("operands: %w, %w", errX, errY)
		}

		switch e.Op.String() {
		case "*":
			return x * y, nil
		case "+":
			return x + y, nil
		case "<<":
			return x << y, nil
		}
	}

	return 0, fmt.Errorf("cannot evaluate %T", e)
}

// other evaluates a constant of an imported package.
func (s *source) other(f *ast.File, pkg, name string) (int64, error) {
	if pkg == "time" {
		unit, ok := map[string]time.Duration{
			"Nanosecond": time.Nanosecond, "Microsecond": time.Microsecond, "Millisecond": time.Millisecond,
			"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour,
		}[name]
		if !ok {
			return 0, fmt.Errorf("unknown unit time.%s", name)
		}

		return int64(unit), nil
	}

	for _, i := range f.Imports {
		p := strings.Trim(i.Path.Value, `"`)
		if dir, ours := strings.CutPrefix(p, module); ours && path.Base(p) == pkg {
			return s.tree.valueOf(strings.TrimPrefix(dir, "/"), name)
		}
	}

	return 0, fmt.Errorf("package %s is not imported", pkg)
}

// comment returns the comments of a field of a struct.
func (s *source) comment(typ, field string) (text string, err error) {
	err = fmt.Errorf("there is no field %s.%s", typ, field)

	for _, f := range s.files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Name.Name != typ {
				return true
			}

			str, ok := spec.Type.(*ast.StructType)
			if !ok {
				return false
			}

			for _, x := range str.Fields.List {
				for _, id := range x.Names {
					if id.Name == field {
						text, err = strings.Join(strings.Fields(x.Doc.Text()+" "+x.Comment.Text()), " "), nil
					}
				}
			}

			return false
		})
	}

	return text, err
}
