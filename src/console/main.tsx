import { render } from 'preact';
import { App } from './app.js';
import { begin } from './lib/begin.js';
import { language, setLanguage } from './lib/words.js';

const place = document.getElementById('app');
if (place) {
  await Promise.all([setLanguage(language.value), begin()]);
  render(<App />, place);
}
