package identity_test

import (
	"fmt"

	"github.com/segue-cluster/segue"
	"github.com/segue-cluster/segue/cluster/identity"
)

// What a node does with its cookie at start.
func Example() {
	cookie, err := identity.ParseCookie(generated, identity.RequireStrong) // or ReadCookieFile
	if err != nil {
		fmt.Println(err)

		return
	}

	keys, err := identity.Derive(cookie, "donation_platform")
	if err != nil {
		fmt.Println(err)

		return
	}

	self, err := keys.NewIdentity(segue.NewNodeID())
	if err != nil {
		fmt.Println(err)

		return
	}

	server := self.Server("segue-rpc/1")

	fmt.Println(cookie, keys, len(keys.GossipKey()), server.NextProtos)
	// Output: [cookie] keys 599ed9e1aafe 32 [segue-rpc/1]
}
