package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A format is how data is printed.
type format string

const (
	formatTable format = "table"
	formatWide  format = "wide"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
	formatJSONL format = "jsonl"
)

func formats() []string {
	return []string{string(formatTable), string(formatWide), string(formatJSON), string(formatYAML), string(formatJSONL)}
}

// String implements pflag.Value.
func (f *format) String() string { return string(*f) }

// Type implements pflag.Value.
func (*format) Type() string { return "format" }

// Set implements pflag.Value.
func (f *format) Set(s string) error {
	if !slices.Contains(formats(), s) {
		return fmt.Errorf("want one of %s", strings.Join(formats(), ", "))
	}

	*f = format(s)

	return nil
}

// forPeople reports whether people read along, not programs.
func (f *format) forPeople() bool { return *f == formatTable || *f == formatWide }

// print writes v in the format that was asked for, and what text returns for
// people.
func (a *app) print(v any, text func() string) error {
	var (
		b   []byte
		err error
	)

	switch a.format {
	case formatTable, formatWide:
		b = []byte(text())
	case formatJSON:
		b, err = encode(v, "  ")
	case formatJSONL:
		b, err = encodeLines(v)
	case formatYAML:
		b, err = encodeYAML(v)
	}

	if err == nil {
		_, err = a.out.Write(b)
	}

	if err != nil {
		return fmt.Errorf("print: %w", err)
	}

	return nil
}

// encode writes v as JSON and ends the line.
func encode(v any, indent string) ([]byte, error) {
	var buf bytes.Buffer

	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)

	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}

	return buf.Bytes(), nil
}

// encodeLines writes one line of JSON, or one per element of a list.
func encodeLines(v any) ([]byte, error) {
	b, err := encode(v, "")
	if err != nil || !bytes.HasPrefix(b, []byte("[")) {
		return b, err
	}

	var elements []json.RawMessage
	if err := json.Unmarshal(b, &elements); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}

	b = nil
	for _, e := range elements {
		b = append(append(b, e...), '\n')
	}

	return b, nil
}

// encodeYAML writes v with the names and the order of its JSON. JSON is YAML in
// flow style: only the style changes.
func encodeYAML(v any) ([]byte, error) {
	b, err := encode(v, "")
	if err != nil {
		return nil, err
	}

	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}

	blockStyle(&doc)

	var buf bytes.Buffer

	enc := yaml.NewEncoder(&buf)
	enc.SetIndent(2)

	if err := enc.Encode(&doc); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}

	return buf.Bytes(), nil
}

func blockStyle(n *yaml.Node) {
	if len(n.Content) > 0 || n.Kind == yaml.ScalarNode { // empty lists stay []
		n.Style = 0
	}

	for _, c := range n.Content {
		blockStyle(c)
	}
}
