package propagation

// moment is one in the life of a member, as far as it concerns all of its
// copies: there is another one when its readiness changes, when a type becomes
// known there, when a namespace appears.
//
// Such a change looks at the copies that are known at that moment. An object that
// is being looked at has seen the member before it, and may not have told of the
// copy yet: whoever looks compares the moments before and after.
type moment struct {
	worker *memberWorker
	number int64
}

func (c *Controller) moment(cluster string) moment {
	w := c.worker(cluster)
	if w == nil {
		return moment{}
	}
	return moment{w, w.moments.Load()}
}

// overtaken says that a member that the pass has looked at came to another in
// the meantime.
func (p *pass) overtaken() bool {
	for cluster, seen := range p.moments {
		if p.c.moment(cluster) != seen {
			return true
		}
	}
	return false
}
