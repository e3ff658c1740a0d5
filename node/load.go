package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
	"golang.org/x/term"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster"
)

// settings are what [LoadConfig] reads, in its text form.
type settings struct {
	set *flag.FlagSet

	cfg                  Config
	join                 string
	shards               uint
	adminTokenFile       string
	gatewayTokenFile     string
	logLevel, logFormat  string
	configFile           string
	fromFlag, fromSource map[string]bool
	bad                  []error // values of flags
}

// LoadConfig reads the configuration of a node from flags, from SEGUE_*
// variables (SEGUE_FENCE_AFTER for --fence-after) and from the YAML file that
// the flag config names, whose keys are the names of the flags. A flag goes
// before a variable, a variable before the file; a variable or key without a
// value says nothing. All problems are reported at once, with what to do, those
// of [Config.Validate] included. App, Release and Kinds are left to the program.
// For -h the error is flag.ErrHelp, and the help was written to output.
//
// An unknown flag or key is an error. An unknown variable is one if it is a
// typing error away from a setting: other programs, and Kubernetes for its
// services, have SEGUE_* variables too.
//
// The arguments come without the name of the program, the environment is that of
// os.Environ.
func LoadConfig(args, environ []string, output io.Writer) (Config, error) {
	s := newSettings(output)

	err := parse(s.set, args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(output, "Settings, also as SEGUE_* variables and in the file of --config:") //nolint:errcheck // nobody to tell
		s.set.PrintDefaults()

		return Config{}, flag.ErrHelp
	}

	s.set.Visit(func(f *flag.Flag) { s.fromFlag[f.Name] = true })
	errs := []error{err, s.readEnvironment(environ), s.readFile(), s.finish(output)}
	errs = append(append(s.bad, errs...), s.cfg.settingsErrors()...)

	return s.cfg, errors.Join(errs...)
}

func newSettings(output io.Writer) *settings {
	s := &settings{
		set: flag.NewFlagSet("node", flag.ContinueOnError), fromFlag: map[string]bool{}, fromSource: map[string]bool{},
	}
	f, c := s.set, &s.cfg
	f.SetOutput(output)
	f.Usage = func() {} // all problems are in one error; the help is written when it is asked for
	f.StringVar(&s.configFile, "config", "", "YAML `file` with settings named like these flags")
	f.StringVar(&c.Cluster, "cluster", "", "`name` of the cluster (default: the app)")
	f.StringVar(&c.Name, "name", "", "`host` part of the node's name (default: the advertised address of --bind)")
	f.StringVar(&c.Bind, "bind", DefaultBind, "`host:port` of gossip, UDP and TCP")
	f.StringVar(&c.Data, "data", "", "`host:port` of the TLS port for raft, calls and handoffs (default: --bind, port + 1)")
	f.StringVar(&c.Advertise, "advertise", "", "`host` under which others reach both (default: that of --bind)")
	f.StringVar(&c.Ops, "ops", "", "`host:port` of health and metrics")
	f.StringVar(&c.Gateway, "gateway", "", "`host:port` of calls from other languages")
	f.StringVar(&c.Admin, "admin", "", "`host:port` or unix:///path of the operators' API")
	f.StringVar(&s.adminTokenFile, "admin-token-file", "", "`file` with the token that --admin wants")
	f.StringVar(&s.gatewayTokenFile, "gateway-token-file", "", "`file` with the token that --gateway wants")
	f.StringVar(&s.join, "join", "", "`host:port,...` of --bind of other nodes; names are resolved again and again")
	f.IntVar(&c.Expect, "expect", 0, "`number` of nodes that form a new cluster: 1, 3 or 5 (default: 1 without --join, else none)")
	f.UintVar(&s.shards, "shards", cluster.DefaultShards, "`number` of shards of a new cluster")
	f.StringVar(&c.DataDir, "data-dir", "", "`directory` of the raft log (default: none, every start is a new node)")
	f.StringVar(&c.CookieFile, "cookie-file", "", "`file` with the cluster's secret; make one with: segue cookie gen FILE")
	f.DurationVar(&c.FenceAfter, "fence-after", cluster.DefaultFenceAfter, "`time` for which a silent node is waited for")
	f.DurationVar(&c.CallTimeout, "call-timeout", DefaultCallTimeout, "`time` for calls that have no deadline")
	f.DurationVar(&c.HandoffTimeout, "handoff-timeout", DefaultHandoffTimeout, "longest `time` of one handoff session")
	f.DurationVar(&c.DrainTimeout, "drain-timeout", DefaultDrainTimeout, "longest `time` of handing over at the stop")
	f.StringVar(&s.logLevel, "log-level", "info", "`level`: debug, info, warn or error")
	f.StringVar(&s.logFormat, "log-format", "auto", "`format`: text, json, or auto: json where there is no terminal")
	f.VisitAll(func(x *flag.Flag) { x.Value = newSetting(x, &s.bad) })

	return s
}

// take sets what a variable or the file says.
func (s *settings) take(name, value string) error {
	x, ok := s.set.Lookup(name).Value.(*setting)
	if !ok {
		return segue.ErrInternal // newSettings made it
	}

	return x.take(value)
}

// readEnvironment takes what no flag said from SEGUE_* variables.
func (s *settings) readEnvironment(environ []string) error {
	var errs []error

	for _, kv := range environ {
		key, value, _ := strings.Cut(kv, "=")

		name, ok := strings.CutPrefix(key, "SEGUE_")
		if !ok {
			continue
		}

		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))

		switch known, near := nearest(s.set, name); {
		case value == "" || s.fromFlag[name]:
		case s.set.Lookup(name) != nil:
			if err := s.take(name, value); err != nil {
				errs = append(errs, fmt.Errorf("variable %s: %w", key, err))
			}

			s.fromSource[name] = true
		case near:
			errs = append(errs, fmt.Errorf("variable %s is no setting; did you mean SEGUE_%s?",
				key, strings.ToUpper(strings.ReplaceAll(known, "-", "_"))))
		}
	}

	return errors.Join(errs...)
}

// readFile takes what neither flag nor variable said from the YAML file.
func (s *settings) readFile() error {
	if s.configFile == "" {
		return nil
	}

	b, err := os.ReadFile(s.configFile)
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}

	var values map[string]any
	if err := yaml.Unmarshal(b, &values); err != nil {
		return fmt.Errorf("config %s: %w", s.configFile, err)
	}

	var errs []error

	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := s.takeKey(name, values[name]); err != nil {
			errs = append(errs, fmt.Errorf("config %s: %w", s.configFile, err))
		}
	}

	return errors.Join(errs...)
}

// takeKey takes one key of the file.
func (s *settings) takeKey(name string, value any) error {
	switch {
	case name == "config":
		return errors.New("a file cannot name another one: there is no setting \"config\" here")
	case s.set.Lookup(name) == nil:
		return fmt.Errorf("there is no setting %q%s", name, meant(s.set, name, "%q"))
	case s.fromFlag[name] || s.fromSource[name] || value == nil:
		return nil
	}

	text := fmt.Sprint(value)

	switch v := value.(type) {
	case []any:
		items := make([]string, len(v))
		for i, x := range v {
			items[i] = fmt.Sprint(x)
		}

		text = strings.Join(items, ",")
	case map[string]any:
		return fmt.Errorf("%s: it has settings inside of it, want one value", name)
	}

	if err := s.take(name, text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}

	return nil
}

// finish turns text into values.
func (s *settings) finish(output io.Writer) error {
	var errs []error

	for j := range strings.SplitSeq(s.join, ",") {
		if j = strings.TrimSpace(j); j != "" {
			s.cfg.Join = append(s.cfg.Join, j)
		}
	}

	s.cfg.Shards = uint32(min(s.shards, math.MaxUint32)) // what is too large stays so

	for _, t := range [...]struct {
		file  string
		token *string
	}{{s.adminTokenFile, &s.cfg.AdminToken}, {s.gatewayTokenFile, &s.cfg.GatewayToken}} {
		if t.file == "" {
			continue
		}

		b, err := os.ReadFile(t.file)
		if err != nil {
			errs = append(errs, fmt.Errorf("token: %w", err))
		}

		if *t.token = strings.TrimSpace(string(b)); err == nil && *t.token == "" {
			errs = append(errs, fmt.Errorf("token file %s is empty", t.file))
		}
	}

	logger, err := newLogger(output, s.logLevel, s.logFormat)
	s.cfg.Logger = logger

	return errors.Join(append(errs, err)...)
}

func newLogger(output io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log-level %q is none of debug, info, warn, error", level)
	}

	options := &slog.HandlerOptions{Level: l}

	if format == "auto" {
		format = "json"
		if f, ok := output.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			format = "text"
		}
	}

	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(output, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(output, options)), nil
	}

	return nil, fmt.Errorf("log-format %q is none of auto, text, json", format)
}

// Signals returns a context that is done at the first SIGTERM or SIGINT, so
// that [Node.Run] hands over and leaves. A second one, or SIGQUIT at any time,
// ends the process at once with status 1.
func Signals(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)

	go func() {
		if s := <-ch; s != syscall.SIGQUIT {
			cancel()
			<-ch
		}

		os.Exit(1) //nolint:forbidigo // a person insists
	}()

	return ctx, cancel
}
