package replicas

import "math/bits"

// share gives out what remains by weight, in rounds, and returns what nobody may
// have. A cluster that is full leaves; what it did not take is for the next round.
func share(candidates []*candidate, remaining int64) int64 {
	for modified := true; modified && remaining > 0; {
		modified = false
		weights := sumOfWeights(candidates)
		if weights == 0 {
			break
		}
		var open []*candidate
		budget := remaining
		for _, c := range candidates {
			extra := min(portion(budget, c.preference.Weight, weights), remaining)
			// What runs there already counts first.
			used := min(extra, c.kept)
			c.kept -= used
			extra -= used

			taken, full := c.take(extra)
			remaining -= taken
			modified = modified || used > 0 || taken > 0
			if !full {
				open = append(open, c)
			}
		}
		candidates = open
	}
	return remaining
}

// take adds replicas as far as the limits of the cluster allow, and says how many
// it took and whether it came upon a limit.
func (c *candidate) take(extra int64) (taken int64, full bool) {
	start, target := c.replicas, c.replicas+extra
	if c.preference.Max != nil && target > *c.preference.Max {
		target, full = max(start, *c.preference.Max), true
	}
	if c.hasCapacity && target > c.capacity {
		c.overflow = target - c.capacity
		target, full = c.capacity, true
	}
	c.replicas = target
	return target - start, full
}

func sumOfWeights(candidates []*candidate) uint64 {
	var sum uint64
	for _, c := range candidates {
		sum += uint64(c.preference.Weight)
	}
	return sum
}

// portion returns budget*weight/weights, rounded up. weight is one of those that
// weights is the sum of, so the quotient is at most the budget. The product may
// need more than 64 bits.
func portion(budget, weight int64, weights uint64) int64 {
	high, low := bits.Mul64(uint64(budget), uint64(weight))
	quotient, rest := bits.Div64(high, low, weights)
	if rest > 0 {
		quotient++
	}
	return int64(quotient)
}
