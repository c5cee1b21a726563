import assert from 'node:assert/strict';
import { renderNovel } from '../../src/report/novel.js';
import { novelView } from '../cli/fixtures.js';

describe('the page of clusters that may be new', () => {
  const page = renderNovel(novelView(), new Map([['0a1b2c3d4e', Uint8Array.of(1, 2, 3)]]));

  it('shows each cluster with its images, the ids that --not takes, and the command that names it', () => {
    for (const words of [
      /2 clusters of 1,350 images may be of classes that nobody has labelled/,
      /Cluster 7: maybe new, 1,310 images/,
      /1,200 of them have no label/,
      /src="data:image\/png;base64,AQID"/,
      /<b>0a1b2c3d<\/b>/,
      /labelloop novel name shells-1a2b3c4d 7=NAME --images 2/,
    ])
      assert.match(page, words);
  });

  it('loads nothing and escapes what users named', () => {
    assert.match(page, /default-src 'none'/);
    assert.doesNotMatch(page, /(src|href)="https?:|<script/);
    assert.ok(page.includes('beach/&lt;1b&gt;.png'));
    assert.ok(!page.includes('<1b>'));
  });

  it('says so where nothing looks new', () => {
    assert.match(renderNovel(novelView({ candidates: [] }), new Map()), /No cluster of the pool looks like a class/);
  });
});
