package schema_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/segue-cluster/segue/handoff/schema"
)

type (
	order struct {
		ID    int16             `json:"id" msgpack:"id"`
		Note  string            `json:"note,omitempty" msgpack:"note"`
		Lines []line            `json:"lines"`
		Due   *time.Time        `json:"due,omitempty"`
		Meta  map[string]string `json:"meta,omitempty"`
		Code  code              `json:"code"`
		Rate  float64
	}
	line struct {
		Item string
		N    uint8 `msgpack:"N"`
	}
	code string
)

// UnmarshalJSON quotes its input in its errors, and panics on one.
func (c *code) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}

	switch s {
	case "s3cr3t":
		return errors.New("bad code " + s)
	case "panic":
		panic("no such code")
	}

	*c = code(s)

	return nil
}

func TestJSON(t *testing.T) {
	k := schema.MustDefine[order]("order", 4, schema.WithLimits(schema.Limits{Bytes: 200}),
		schema.Validate(func(o order) error {
			if o.ID < 0 {
				return errRefused
			}

			return nil
		}))

	due := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	in := &order{ID: 7, Note: "<b>", Lines: []line{{"tea", 2}}, Due: &due, Rate: 0.5}

	b := must[[]byte](t)(k.EncodeJSON(in))
	if got, want := string(b), `{"id":7,"note":"<b>","lines":[{"Item":"tea","N":2}],"due":"2026-11-22T10:00:00Z","code":"","Rate":0.5}`; got != want {
		t.Errorf("EncodeJSON() = %s, want %s", got, want)
	}

	if diff := cmp.Diff(any(in), must[any](t)(k.DecodeJSON(append(b, " \n"...)))); diff != "" {
		t.Errorf("DecodeJSON(EncodeJSON()) differs (-want +got):\n%s", diff)
	}

	tests := []struct {
		name  string
		body  string
		class schema.Class
		path  string
		text  string
	}{
		{"nothing", " ", schema.ClassDecode, "", "the body is empty"},
		{"cut off", `{"id": 1`, schema.ClassDecode, "", "ends inside"},
		{"no JSON", `{"id": s3cr3t}`, schema.ClassDecode, "", "it is not JSON at byte 8"},
		{"unknown", `{"id": 1, "colour": "s3cr3t"}`, schema.ClassDecode, "", `unknown field "colour"`},
		{"unknown inside", `{"lines": [{"Price": 1}]}`, schema.ClassDecode, "", `unknown field "Price"`},
		{"unknown and long", `{"` + strings.Repeat("x", 100) + `": 1}`, schema.ClassDecode, "", `"... (100 bytes)`},
		{"trailing", `{"id": 1} {}`, schema.ClassDecode, "", "2 bytes follow the value"},
		{"trailing junk", `{"id": 1}]`, schema.ClassDecode, "", "1 bytes follow the value"},
		{"range", `{"id": 40000}`, schema.ClassDecode, "id", "a number that int16 cannot hold, before byte 12"},
		{"inner range", `{"lines": [{"N": 300}]}`, schema.ClassDecode, "lines.N", "a number that uint8 cannot hold"},
		{"type", `{"note": 5}`, schema.ClassDecode, "note", "a number that string cannot hold"},
		{"own type", `{"code": "s3cr3t"}`, schema.ClassDecode, "", "a value was refused (*errors.errorString)"},
		{"own type panics", `{"code": "panic"}`, schema.ClassPanic, "", "no such code"},
		{"time", `{"due": "s3cr3t"}`, schema.ClassDecode, "", "a value was refused (*time.ParseError)"},
		{"invalid", `{"id": -1}`, schema.ClassValidate, "", "not today"},
		{"size", `{"note": "` + strings.Repeat("x", 200) + `"}`, schema.ClassLimit, "", "212 bytes, at most 200 are allowed"},
	}

	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := k.DecodeJSON([]byte(tt.body))

			e := asError(t, err)
			if v != nil || e.Class != tt.class || e.Path != tt.path || e.From != 4 || e.To != 4 || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("DecodeJSON() = %v, %v, want class %s at %q with %q", v, err, tt.class, tt.path, tt.text)
			}

			if strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("DecodeJSON() = %v, it quotes the body", err)
			}
		})
	}

	_, err := k.EncodeJSON(order{Rate: math.NaN()})
	if e := asError(t, err); e.Class != schema.ClassEncode {
		t.Errorf("EncodeJSON(NaN) = %v, want class %s", err, schema.ClassEncode)
	}

	_, err = k.EncodeJSON(line{})
	if e := asError(t, err); e.Class != schema.ClassEncode {
		t.Errorf("EncodeJSON(another type) = %v, want class %s", err, schema.ClassEncode)
	}
}

// A name that only the wire knows would be another one in JSON.
func TestJSONNeedsItsNames(t *testing.T) {
	type inner struct {
		Cents int64 `msgpack:"c"`
	}

	type outer struct {
		Lost map[string]inner   `msgpack:"-"`
		Mine inner              `json:"-"`
		All  map[string][]inner `json:"all" msgpack:"a"`
	}

	k := schema.MustDefine[outer]("outer", 1)

	for _, do := range []func() error{
		func() error { _, err := k.EncodeJSON(outer{}); return err },
		func() error { _, err := k.DecodeJSON([]byte(`{}`)); return err },
	} {
		err := do()
		if err == nil || !strings.Contains(err.Error(), "All.Cents: it is \"c\" on the wire but would be \"Cents\" in JSON: add the tag `json:\"c\"`") {
			t.Errorf("JSON() = %v, want it to name the field", err)
		}
	}
}
