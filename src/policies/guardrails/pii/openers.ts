/**
 * Words that answers begin with. None is a name: of an address that begins with one, it tells
 * nothing about the person. They have three letters at least: an IBAN begins with two.
 */
const openers: ReadonlySet<string> = new Set(
  `
  The This That These Those There Here You They She Your Our For From Yes Sure Certainly
  Absolutely Okay Hello Hey Great Good Thanks Thank Sorry Let Based Below After When What
  How Why While Although However First Once One Some Please Nein Der Die Das Ein Eine Ich
  Hallo Hier Wenn Bonjour Oui Non Voici Vous Pour Les Bien Hola Claro Para Los Las Aquí
  Olá Sim Ciao Certo Ecco
`
    .trim()
    .split(/\s+/),
);

/** True for a text that consists of one of these words. */
export function isOpener(text: string): boolean {
  return openers.has(text.trim());
}
