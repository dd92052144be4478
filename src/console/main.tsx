import { render } from 'preact';
import { App } from './app.js';
import { begin } from './lib/begin.js';
import { showVisibly } from './lib/show-visibly.js';
import { language, setLanguage } from './lib/words.js';

const place = document.getElementById('app');
if (place) {
  showVisibly();
  await Promise.all([setLanguage(language.value), begin()]);
  render(<App />, place);
}
