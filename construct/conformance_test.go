package construct_test

import (
	"testing"

	"hinge/construct"
	"hinge/constructtest"
)

func TestConformance(t *testing.T) {
	for _, c := range construct.Catalogue {
		t.Run(c.Name, func(t *testing.T) { constructtest.Run(t, c) })
	}
}
