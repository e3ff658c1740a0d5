package httpapi

import (
	"context"
	"slices"

	"github.com/segue-cluster/segue"
)

func (a *admin) start(ctx context.Context, in *inbox) (any, error) {
	var req StartRequest
	if err := in.decode(&req); err != nil {
		return nil, err
	}

	fill(&req.Actor, &req.RequestID)

	if err := req.check(); err != nil {
		return nil, err
	}

	ro, err := a.b.StartRollout(ctx, req)

	return ro.filled(), err
}

func (r StartRequest) check() error {
	last := 0
	for _, s := range r.Stages {
		if s <= last || s > 100 {
			return badRequest("stages %v must rise from above 0 to 100", r.Stages)
		}

		last = s
	}

	switch {
	case r.To == "":
		return badRequest(`"to" is missing: the release to go to`)
	case len(r.Stages) > 0 && last != 100:
		return badRequest("stages %v must end with 100", r.Stages)
	}

	if err := checkText(`"to"`, r.To); err != nil {
		return err
	}

	if err := checkTexts(r.Actor, r.Reason); err != nil {
		return err
	}

	return checkRequestID(`"request_id"`, r.RequestID)
}

func (a *admin) undo(ctx context.Context, in *inbox) (any, error) {
	var req UndoRequest
	if err := in.decode(&req); err != nil {
		return nil, err
	}

	fill(&req.Actor, &req.RequestID)

	if err := checkTexts(req.Actor, req.Reason); err != nil {
		return nil, err
	}

	if err := checkRequestID(`"request_id"`, req.RequestID); err != nil {
		return nil, err
	}

	ro, err := a.b.UndoRollout(ctx, req)

	return ro.filled(), err
}

func (a *admin) abort(ctx context.Context, in *inbox) (any, error) {
	rev, err := revision(in.r.PathValue("revision"), a.b.Rollouts())
	if err != nil {
		return nil, err
	}

	var req AbortRequest
	if err := in.decode(&req); err != nil {
		return nil, err
	}

	fill(&req.Actor, new(string))

	if err := checkTexts(req.Actor, req.Reason); err != nil {
		return nil, err
	}

	ro, err := a.b.AbortRollout(ctx, rev, req)

	return ro.filled(), err
}

// fill sets what a request may leave out.
func fill(actor, requestID *string) {
	if *actor == "" {
		*actor = defaultActor
	}

	if *requestID == "" {
		*requestID = segue.NewNodeID().String() // random, and of the right form
	}
}

func checkTexts(actor, reason string) error {
	if err := checkText(`"actor"`, actor); err != nil {
		return err
	}

	return checkText(`"reason"`, reason)
}

func (a *admin) drain(ctx context.Context, in *inbox) (any, error) {
	return a.member(ctx, in, a.b.Drain)
}

func (a *admin) undrain(ctx context.Context, in *inbox) (any, error) {
	return a.member(ctx, in, a.b.Undrain)
}

// member changes the member that the path names.
func (a *admin) member(
	ctx context.Context, in *inbox, change func(ctx context.Context, node segue.NodeID) (Member, error),
) (any, error) {
	if err := in.decode(&struct{}{}); err != nil {
		return nil, err
	}

	id, err := findMember(a.b.Members(), in.r.PathValue("node"))
	if err != nil {
		return nil, err
	}

	m, err := change(ctx, id)

	return m.filled(), err
}

// findMember returns the id of the member with that name or id. Of several
// nodes that had the name one after the other, it is the one that lives.
func findMember(members []Member, ref string) (segue.NodeID, error) {
	var found []Member

	for _, m := range members {
		switch {
		case m.ID.String() == ref:
			return m.ID, nil
		case m.Node == ref:
			found = append(found, m)
		}
	}

	if len(found) > 1 {
		found = slices.DeleteFunc(found, func(m Member) bool { return m.Status != StatusAlive && m.Status != StatusSuspect })
	}

	switch len(found) {
	case 0:
		return segue.NodeID{}, problem(segue.ErrNotFound.Code(), "no member is called %q or has that id", ref)
	case 1:
		return found[0].ID, nil
	}

	return segue.NodeID{}, problem(segue.ErrRefused.Code(), "%d members are called %q: name one by its id", len(found), ref)
}
