package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
	"golang.org/x/term"

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
}

// LoadConfig reads the configuration of a node from flags, from SEGUE_*
// variables (SEGUE_FENCE_AFTER for --fence-after) and from the YAML file that
// the flag config names, whose keys are the names of the flags. A flag goes
// before a variable, a variable before the file. All problems are reported at once, with
// what to do. App, Release and Kinds are left to the program. For -h the error
// is flag.ErrHelp, and the help was written to output.
//
// The arguments come without the name of the program, the environment is that of
// os.Environ.
func LoadConfig(args, environ []string, output io.Writer) (Config, error) {
	s := newSettings(output)

	if err := s.set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return Config{}, err //nolint:wrapcheck // callers compare it
		}

		return Config{}, fmt.Errorf("flags: %w", err)
	}

	var errs []error
	if s.set.NArg() > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q: all settings are flags", s.set.Arg(0)))
	}

	s.set.Visit(func(f *flag.Flag) { s.fromFlag[f.Name] = true })
	errs = append(errs, s.readEnvironment(environ), s.readFile(), s.finish(output))

	return s.cfg, errors.Join(errs...)
}

func newSettings(output io.Writer) *settings {
	s := &settings{
		set: flag.NewFlagSet("node", flag.ContinueOnError), fromFlag: map[string]bool{}, fromSource: map[string]bool{},
	}
	f, c := s.set, &s.cfg
	f.SetOutput(output)
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
	f.IntVar(&c.Expect, "expect", 0, "form a new cluster of so many nodes: 1, 3 or 5 (default: 1 without --join, else none)")
	f.UintVar(&s.shards, "shards", cluster.DefaultShards, "number of shards of a new cluster")
	f.StringVar(&c.DataDir, "data-dir", "", "`directory` of the raft log (default: none, every start is a new node)")
	f.StringVar(&c.CookieFile, "cookie-file", "", "`file` with the cluster's secret; make one with: segue cookie gen FILE")
	f.DurationVar(&c.FenceAfter, "fence-after", cluster.DefaultFenceAfter, "how long a silent node is waited for")
	f.DurationVar(&c.CallTimeout, "call-timeout", DefaultCallTimeout, "deadline of calls that have none")
	f.DurationVar(&c.HandoffTimeout, "handoff-timeout", DefaultHandoffTimeout, "bound of one handoff session")
	f.DurationVar(&c.DrainTimeout, "drain-timeout", DefaultDrainTimeout, "bound of handing over at the stop")
	f.StringVar(&s.logLevel, "log-level", "info", "debug, info, warn or error")
	f.StringVar(&s.logFormat, "log-format", "auto", "text, json, or auto: json where there is no terminal")

	return s
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
		if s.set.Lookup(name) == nil {
			continue // of another program: the CLI has variables too
		}

		if s.fromFlag[name] {
			continue
		}

		if err := s.set.Set(name, value); err != nil {
			errs = append(errs, fmt.Errorf("variable %s: %w", key, err))
		}

		s.fromSource[name] = true
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

	for name, v := range values {
		switch {
		case s.set.Lookup(name) == nil || name == "config":
			errs = append(errs, fmt.Errorf("config %s: there is no setting %q", s.configFile, name))
		case !s.fromFlag[name] && !s.fromSource[name]:
			if list, ok := v.([]any); ok {
				v = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(list)), ","), "[]")
			}

			if err := s.set.Set(name, fmt.Sprint(v)); err != nil {
				errs = append(errs, fmt.Errorf("config %s: %s: %w", s.configFile, name, err))
			}
		}
	}

	return errors.Join(errs...)
}

// finish turns text into values.
func (s *settings) finish(output io.Writer) error {
	var errs []error

	for j := range strings.SplitSeq(s.join, ",") {
		if j = strings.TrimSpace(j); j != "" {
			s.cfg.Join = append(s.cfg.Join, j)
		}
	}

	if s.shards > 1<<16 {
		errs = append(errs, fmt.Errorf("shards %d: too many", s.shards))
	}

	s.cfg.Shards = uint32(min(s.shards, 1<<16))

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
