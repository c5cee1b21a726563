import assert from 'node:assert/strict';
import { isOutlier, outlierRadii } from '../../src/labelling/outliers.js';

describe('outliers', () => {
  // Cluster 0: distances 1..9, quartiles 3 and 7, radius 7 + 3 * 4 = 19. Cluster 1: three members.
  const near = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const assignment = {
    cluster: Int32Array.from([...near.map(() => 0), 1, 1, 1]),
    distance: Float32Array.from([...near, 5, 5, 100]),
  };

  it("are beyond their cluster's far-out fence, or the common one where a cluster is small", () => {
    const radii = outlierRadii(assignment, 3);
    assert.equal(radii[0], 19);
    // All twelve: 1 2 3 4 5 5 5 6 7 8 9 100, quartiles 3.75 and 7.25.
    assert.equal(radii[1], 7.25 + 3 * 3.5);
    assert.equal(radii[2], radii[1]);
    assert.ok(isOutlier(1, 100, radii));
    assert.ok(!isOutlier(0, 19, radii));
  });

  it('do not exist where there are no images, or where all are alike', () => {
    const none = outlierRadii({ cluster: new Int32Array(0), distance: new Float32Array(0) }, 2);
    assert.ok(!isOutlier(1, 2, none));
    const alike = { cluster: new Int32Array(9), distance: new Float32Array(9).fill(0.25) };
    assert.ok(!isOutlier(0, 0.25, outlierRadii(alike, 1)));
  });
});
