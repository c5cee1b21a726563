/** A function's value, gradient [n] and Hessian [n, n] at a point. */
export interface Expansion {
  value: number;
  gradient: number[];
  hessian: number[][];
}

const MAX_STEPS = 100;
const MAX_HALVINGS = 50;
/** Armijo's condition: a step must gain this share of what its slope promises. */
const SUFFICIENT = 1e-4;

/**
 * The minimum of a strictly convex, smooth function by Newton's method with steps halved until they help.
 *
 * @param start any point
 * @param expand the function's expansion; its Hessian is positive definite everywhere
 * Source: Boyd and Vandenberghe 2004, Convex optimization, algorithm 9.5.
 */
export function minimise(start: readonly number[], expand: (at: readonly number[]) => Expansion): number[] {
  let at = [...start];
  let here = expand(at);
  for (let step = 0; step < MAX_STEPS; step++) {
    const direction = solve(here.hessian, here.gradient);
    // Twice the fall that the quadratic model promises; below a double's resolution there is none left to find.
    const decrement = here.gradient.reduce((sum, slope, k) => sum + slope * (direction[k] as number), 0);
    if (!(decrement > 1e-15 * Math.max(1, Math.abs(here.value)))) break;
    let length = 1;
    let next = here;
    for (let halving = 0; halving < MAX_HALVINGS; halving++, length /= 2) {
      const point = at.map((value, k) => value - length * (direction[k] as number));
      next = expand(point);
      if (next.value <= here.value - SUFFICIENT * length * decrement) {
        at = point;
        break;
      }
    }
    if (!(next.value < here.value)) break;
    here = next;
  }
  return at;
}

/** Solves A x = b for a symmetric positive definite A by Cholesky's decomposition. */
function solve(a: readonly (readonly number[])[], b: readonly number[]): number[] {
  const n = b.length;
  const lower = Array.from({ length: n }, () => new Float64Array(n));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i]![j]!;
      for (let k = 0; k < j; k++) sum -= lower[i]![k]! * lower[j]![k]!;
      lower[i]![j] = i === j ? Math.sqrt(sum) : sum / lower[j]![j]!;
    }
  }
  const x = [...b];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= lower[i]![k]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= lower[k]![i]! * x[k]!;
    x[i]! /= lower[i]![i]!;
  }
  return x;
}
