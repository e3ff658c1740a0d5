package node

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/handoff"
	"github.com/segue-cluster/segue/handoff/schema"
)

// A Kind is a named type of process: its state, its messages, its limits. Make
// it with [NewKind] and give it to [Config]. It is immutable.
type Kind struct {
	name     string
	state    *versioned
	handlers map[string]*handler
	byType   map[reflect.Type]*handler
	limits   handoff.Limits
	init     func(key string) any
	onLost   OnLost
	errs     []error
}

// handler is one message of a kind.
type handler struct {
	name    string
	query   bool
	message *versioned // nil: the message has no content
	reply   *versioned // nil: the reply has no content
	typ     reflect.Type
	run     func(t *Turn, state, message any) (any, error)
}

// OnLost says what happens to a process whose state died with its node.
type OnLost uint8

// What may happen.
const (
	// Refuse answers calls with [segue.ErrProcessLost] until an operator decides.
	Refuse OnLost = iota
	// Empty starts the process anew at its next message.
	Empty
)

// A KindOption is a part of a kind.
type KindOption func(*Kind)

// NewKind makes a kind from the schema of its state, whose name it has, and
// from its messages. Problems are reported by [New], all at once.
func NewKind[S any](state *schema.Kind[S], options ...KindOption) Kind {
	k := Kind{
		handlers: map[string]*handler{}, byType: map[reflect.Type]*handler{},
		init: func(string) any { return new(S) },
	}

	if state == nil {
		k.errs = append(k.errs, errors.New("a kind has no schema"))

		return k
	}

	k.name, k.state = state.Name(), newVersioned(state)
	if err := segue.ValidateKind(k.name); err != nil {
		k.errs = append(k.errs, err)
	}

	for _, o := range options {
		o(&k)
	}

	return k
}

// Name returns the name of the kind.
func (k *Kind) Name() string { return k.name }

// On handles a message of the given name with a turn that may change the state.
// S is the type of the state, M that of the message, R that of the reply;
// struct{} stands for one without content. An error that the handler returns
// is the reply: what it changed before stands, as when the reply turns out to be
// larger than what is remembered for a retry (see [handoff.Limits]). Handlers of
// one process never run at the same time.
func On[S, M, R any](name string, handle func(t *Turn, state *S, message M) (R, error), options ...MessageOption) KindOption {
	return func(k *Kind) { add(k, &handler{name: name}, handle, options) }
}

// Query handles a message that only reads: its handler must not change the
// state. It may run again if an answer is lost, and costs nothing during a
// handoff.
func Query[S, M, R any](name string, handle func(t *Turn, state *S, message M) (R, error), options ...MessageOption) KindOption {
	return func(k *Kind) { add(k, &handler{name: name, query: true}, handle, options) }
}

// Init makes the state of a process that does not exist, at its first message.
// Default: the zero value.
func Init[S any](f func(key string) S) KindOption {
	return func(k *Kind) {
		k.init = func(key string) any {
			s := f(key)

			return &s
		}
	}
}

// WithLimits bounds what one process keeps for its clients.
func WithLimits(l handoff.Limits) KindOption {
	return func(k *Kind) { k.limits = l }
}

// validLimits refuses limits under which nothing could be served.
func (k *Kind) validLimits() error {
	var errs []error

	for _, f := range [...]struct {
		name  string
		value int
	}{
		{"Mailbox", k.limits.Mailbox},
		{"Lanes", k.limits.Lanes},
		{"LaneReplies", k.limits.LaneReplies},
		{"Once", k.limits.Once},
		{"OnceReplies", k.limits.OnceReplies},
	} {
		if f.value < 0 {
			errs = append(errs, fmt.Errorf("kind %s: limit %s is %d, want 0 for its default or more", k.name, f.name, f.value))
		}
	}

	return errors.Join(errs...)
}

// WhenLost says what happens to processes whose state died with their node.
// Default [Refuse].
func WhenLost(o OnLost) KindOption {
	return func(k *Kind) { k.onLost = o }
}

// A MessageOption says how a message evolved.
type MessageOption func(*evolution)

type evolution struct {
	message, reply []schema.Part
	steps          [2]int // of message and reply
}

// MessageSteps are the steps that lead from former versions of the message to
// this one, in their order; its version is one more than their number.
func MessageSteps(steps ...schema.Part) MessageOption {
	return func(e *evolution) { e.message, e.steps[0] = steps, len(steps) }
}

// ReplySteps are [MessageSteps] of the reply.
func ReplySteps(steps ...schema.Part) MessageOption {
	return func(e *evolution) { e.reply, e.steps[1] = steps, len(steps) }
}

func add[S, M, R any](k *Kind, h *handler, handle func(*Turn, *S, M) (R, error), options []MessageOption) {
	var e evolution
	for _, o := range options {
		o(&e)
	}

	name := h.name
	h.typ = reflect.TypeFor[M]()
	fail := func(err error) { k.errs = append(k.errs, fmt.Errorf("kind %s, message %q: %w", k.name, name, err)) }

	var err error
	if h.message, err = define[M](k.name+"."+name, e.steps[0], e.message); err != nil {
		fail(err)
	}

	if h.reply, err = define[R](k.name+"."+name+".reply", e.steps[1], e.reply); err != nil {
		fail(err)
	}

	if _, ok := k.init("").(*S); !ok {
		fail(fmt.Errorf("its handler takes *%s, the state is %T", reflect.TypeFor[S](), k.init("")))
	}

	if k.handlers[name] != nil {
		fail(errors.New("it is handled twice"))
	}

	h.run = func(t *Turn, state, message any) (any, error) {
		m := new(M)
		if message != nil {
			m = message.(*M) //nolint:errcheck,forcetypeassert // decoded by the schema of M
		}

		return handle(t, state.(*S), *m) //nolint:errcheck,forcetypeassert // made by init or the schema of S
	}

	k.handlers[name] = h
	if k.byType[h.typ] == nil || !h.query {
		k.byType[h.typ] = h
	}
}

// define makes the schema of a message or reply, none for one without content.
func define[T any](name string, steps int, parts []schema.Part) (*versioned, error) {
	if t := reflect.TypeFor[T](); t.Kind() == reflect.Struct && t.NumField() == 0 {
		return nil, nil //nolint:nilnil // no content, no schema
	}

	k, err := schema.Define[T](name, schema.Version(1+steps), parts...) //nolint:gosec // few
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}

	return newVersioned(k), nil
}

// schemas returns everything of the kind that evolves.
func (k *Kind) schemas() []schema.Schema {
	list := []schema.Schema{k.state.Schema}

	for _, h := range k.handlers {
		if h.message != nil {
			list = append(list, h.message.Schema)
		}

		if h.reply != nil {
			list = append(list, h.reply.Schema)
		}
	}

	return list
}

// handlerOf finds the message of a Go value.
func (k *Kind) handlerOf(message any) (*handler, error) {
	t := reflect.TypeOf(message)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}

	if h := k.byType[t]; h != nil {
		return h, nil
	}

	return nil, fmt.Errorf("kind %s has no message of type %v: %w", k.name, t, segue.ErrUnknownMessage)
}
