export interface NearDuplicates {
  /** Group of each row, numbered by their first rows; -1 without a near-duplicate. [total] */
  group: Int32Array;
  /** To the nearest row within the threshold; NaN without one. [total] */
  distance: Float32Array;
  groups: number;
  /** Rows in groups. */
  rows: number;
}

/** Rows that pairs link into groups (union-find, the lowest row of a group as its root). */
export class Links {
  private readonly parent: Int32Array;
  private readonly distance: Float32Array;

  constructor(total: number) {
    this.parent = Int32Array.from({ length: total }, (_, i) => i);
    this.distance = new Float32Array(total).fill(NaN);
  }

  add(i: number, j: number, distance: number): void {
    for (const row of [i, j]) if (!(this.distance[row]! <= distance)) this.distance[row] = distance;
    const [a, b] = [this.root(i), this.root(j)];
    this.parent[Math.max(a, b)] = Math.min(a, b);
  }

  groups(): NearDuplicates {
    const group = new Int32Array(this.parent.length).fill(-1);
    let [groups, rows] = [0, 0];
    for (let i = 0; i < group.length; i++) {
      if (Number.isNaN(this.distance[i])) continue;
      const root = this.root(i);
      group[i] = root === i ? groups++ : group[root]!;
      rows++;
    }
    return { group, distance: this.distance, groups, rows };
  }

  private root(row: number): number {
    let at = row;
    while (this.parent[at] !== at) {
      this.parent[at] = this.parent[this.parent[at]!]!;
      at = this.parent[at]!;
    }
    return at;
  }
}
