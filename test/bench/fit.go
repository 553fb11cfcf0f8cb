package main

import "math"

// exponents fits cost = c * objects^n * members^m by least squares of the
// logarithms. ok is false if the cells do not tell.
func exponents(cells []cell, cost func(*cell) float64) (n, m float64, ok bool) {
	var rows [][3]float64
	var values []float64
	for i := range cells {
		if value := cost(&cells[i]); value > 0 {
			rows = append(rows, [3]float64{1, math.Log(float64(cells[i].Objects)), math.Log(float64(cells[i].Members))})
			values = append(values, math.Log(value))
		}
	}
	solution, ok := leastSquares(rows, values)
	return solution[1], solution[2], ok
}

// shares fits cost = object*objects + copy*copies by least squares of the errors
// relative to the cost, so that small cells count too.
func shares(cells []cell, cost func(*cell) float64) (object, copied float64, ok bool) {
	var rows [][3]float64
	var values []float64
	for i := range cells {
		c := &cells[i]
		if value := cost(c); value > 0 {
			rows = append(rows, [3]float64{float64(c.Objects) / value, c.copies() / value})
			values = append(values, 1)
		}
	}
	solution, ok := leastSquares(rows, values)
	return solution[0], solution[1], ok
}

// leastSquares solves the normal equations by elimination. A column of zeros is
// left out. ok is false if they have no single solution.
func leastSquares(rows [][3]float64, values []float64) (solution [3]float64, ok bool) {
	var a [3][4]float64
	for r, row := range rows {
		for i := range 3 {
			for j := range 3 {
				a[i][j] += row[i] * row[j]
			}
			a[i][3] += row[i] * values[r]
		}
	}
	unused := a[2][2] == 0
	if unused {
		a[2][2] = 1
	}
	scale := max(a[0][0], a[1][1], a[2][2])
	for i := range 3 {
		pivot := i
		for j := i + 1; j < 3; j++ {
			if math.Abs(a[j][i]) > math.Abs(a[pivot][i]) {
				pivot = j
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if math.Abs(a[i][i]) <= 1e-9*scale && (!unused || i != 2) {
			return solution, false
		}
		for j := range 3 {
			if j != i {
				factor := a[j][i] / a[i][i]
				for k := range 4 {
					a[j][k] -= factor * a[i][k]
				}
			}
		}
	}
	for i := range 3 {
		solution[i] = a[i][3] / a[i][i]
	}
	return solution, true
}
