/**
 * Words that answers begin with, by language. None is a usual name: of an address that begins with
 * one, it tells nothing about the person.
 */
const openersOf = {
  english: `
  About Above Absolutely According Actually Additionally After All Alright Also Although An And
  Another Answer Any Apologies Are As At Based Because Before Below Best Both But By Can Certainly
  Code Consider Correct Could Dear Definitely Depending Despite Do Does During Each Either
  Essentially Even Every Everything Exactly Excellent Fair Finally First Following For From
  Generally Given Glad Good Got Great Happy Have Having He Hello Her Here Hey Hi His How However
  If Imagine In Indeed Instead Into Is It Its Just Keep Lastly Let Like Look Looking Looks Make
  Many Maybe Most My Nice No None Not Note Nothing Now Of Often Oh Ok Okay On Once One Only Or Our
  Over Overall Perfect Perhaps Please Probably Quick Quite Really Regarding Right See Several She
  Short Should Simply Since So Some Sometimes Sorry Sounds Start Step Still Subject Such Summary
  Sure Take Technically Thank Thanks That The Their Then There These They This Those Though Three
  Through Thus Title To Today True Two Typically Ultimately Under Understood Unfortunately Unlike
  Until Update Use Using Usually Very Wait Was We Welcome Well Were What When Where Whether Which
  While Who Why With Without Would Wow Yeah Yes Yet You Your
  `,
  german: `
  Ab Aber Alle Alles Als Also Am Auch Auf Aufgrund Aus Basierend Bei Beim Bitte Da Dafür Daher
  Damit Danke Dann Darum Das Dass Dazu Dein Deine Dem Den Denn Der Des Die Dies Diese Dieser
  Dieses Dir Du Durch Ein Eine Einen Einer Einige Er Erstens Es Falls Für Ganz Genau Gern Gerne
  Grundsätzlich Gut Guten Guter Habe Haben Hallo Hier Ich Ihr Ihre Im Insgesamt Ist Ja Je Jede
  Jeder Jedes Jetzt Kann Kein Keine Klar Kurz Können Könnte Leider Man Mehr Mein Meine Mit Möchten
  Möglicherweise Nach Natürlich Nein Nicht Noch Nun Nur Ob Oder Ohne Ok Okay Richtig Sehr Seit
  Selbstverständlich Sicher Sie Sind So Sobald Sollte Sollten Statt Stimmt Tut Um Und Unter
  Verstanden Viele Vielen Vielleicht Vom Von Vor War Warum Was Weil Welche Wenn Wer Wie Willkommen
  Wir Wo Während Zu Zuerst Zum Zunächst Zur Zusammenfassend Zusammenfassung Zwar Über
  `,
  french: `
  Absolument Afin Ah Ainsi Alors Après Au Aujourd'hui Aussi Avant Avec Avez Bien Bon Bonjour Bonne
  Bonsoir Car Ce Ceci Cela Celle Certainement Ces Cet Cette Comme Comment Compris Concernant Côté
  Dans De Depuis Des Deux Donc Du Désolé Désolée Effectivement Elle Elles En Enfin Ensuite Entre
  Est Et Exactement Excellent Excellente Félicitations Grâce Ici Il Ils Je La Le Les Leur Lors
  Lorsque Là Mais Malheureusement Merci Mes Mon Ne Non Nos Notre Nous Oh On Ou Oui Où Par Parfait
  Parmi Pas Plusieurs Pour Pourquoi Premièrement Puis Quand Que Quel Quelle Quelques Quels Qui
  Quoi Salut Sans Selon Ses Si Sinon Son Sous Super Sur Tous Tout Toute Toutes Trois Très Tu Un
  Une Vers Voici Voilà Volontiers Vos Votre Vous Ça Étant
  `,
  spanish: `
  Además Ahora Al Algunas Algunos Antes Aquí Así Aunque Basado Bien Bienvenido Buen Buena Buenas
  Bueno Buenos Cada Casi Claro Como Con Correcto Cualquier Cuando Cuál Cómo De Debido Del
  Dependiendo Desde Después Disculpa Donde Dos Durante El Ella Ellos En Encantado Entendido
  Entonces Entre Era Es Esa Ese Eso Esta Estas Este Esto Estos Estoy Está Exacto Excelente
  Finalmente Fue Genial Gracias Gran Ha Hace Hasta Hay He Hola Hoy La Lamentablemente Las Lo Los
  Me Mi Mientras Mucho Muchos Muy Más Nada Ningún No Nos Otra Otro Para Parece Perdón Perfecto
  Pero Podría Por Porque Primero Puedes Puedo Pues Que Quizás Qué Respuesta Resumen Se Seguro
  Según Si Siempre Sin Sobre Solo Son Soy Su Sus Sí Tal También Te Tengo Tienes Toda Todas Todo
  Todos Tras Tres Tu Tus Un Una Unas Uno Unos Usted Vale Vamos Varios Veamos Ya Yo
  `,
  portuguese: `
  Abaixo Agora Algumas Alguns Além Ao Aos Apesar Após Aqui As Assim Através Até Bem Boa Bom Caso
  Certamente Certo Claro Com Como Compreendo Conforme Correto Da Das De Dependendo Depois Desculpe
  Desde Do Dois Dos Durante Ela Ele Eles Em Embora Enquanto Entendi Entre Então Era Essa Essas
  Esse Esses Esta Estas Este Estes Estou Está Eu Exato Excelente Existem Foi Hoje Há Infelizmente
  Isso Isto Já Lamento Mais Mas Me Meu Minha Muito Muitos Na Nas Nem No Nos Num Não Nós Obrigada
  Obrigado Oi Olá Onde Os Ou Outra Outro Para Parabéns Pela Pelo Perfeito Pode Pois Por Porque
  Portanto Posso Primeiro Quais Qual Quando Quanto Que Quem Quer Resposta Resumo Se Segundo Sem
  Sempre Ser Seu Seus Sim Sinto Sobre Sou Sua Suas Também Tem Tenho Toda Todas Todo Todos Três
  Tudo Um Uma Umas Uns Vamos Você Vocês Vários Às Ótima Ótimo
  `,
  italian: `
  Ad Adesso Ai Al Alcune Alcuni All Alla Alle Allora Altro Anche Ancora Appena Assolutamente
  Attualmente Basandomi Bella Bello Bene Benvenuto Buon Buona Buonasera Buongiorno Capisco Capito
  Certamente Certo Che Chi Ci Ciao Ciò Come Comprendo Con Corretto Cosa Così Cui Da Dal Dalla Dato
  Davvero Dei Del Della Delle Di Dipende Dopo Dove Due Dunque Durante Ecco Ed Entrambi Era Esatto
  Esistono Essere Fammi Fino Forse Fra Generalmente Già Gli Grande Grazie Ha Hai Ho Il In Infatti
  Infine Innanzitutto Inoltre Invece Io La Le Lei Lo Loro Lui Ma Mentre Mi Molte Molti Molto
  Naturalmente Nei Nel Nella Nelle Nessun Nessuna Niente Noi Non Nonostante Oggi Ogni Oppure Ora
  Ottima Ottimo Per Perché Perciò Perfetto Però Più Poi Poiché Possiamo Posso Potrebbe Prego Prima
  Primo Puoi Purtroppo Qual Qualche Quale Quali Quando Quanto Quella Quelle Quello Questa Queste
  Questi Questo Qui Quindi Riassunto Risposta Salve Se Secondo Sei Sembra Sempre Senza Siamo
  Sicuramente Sono Sopra Sotto Spero Sta Su Sul Sulla Suo Sì Tra Tre Tu Tuo Tutta Tutte Tutti
  Tutto Un Uno Va Vediamo Vi Volentieri Vuoi
  `,
  /** Beginnings of longer ones, as tokenizers divide them. */
  parts: 'Cert Dep Dip Ent Exist Prim Prime Sel Summ Zus',
} as const;

const openers: ReadonlySet<string> = new Set(
  Object.values(openersOf).flatMap((words) => words.trim().split(/\s+/)),
);

/** Signs around a first word: marks of Markdown and quotation, the end of a sentence. */
const around = /^[\s*_#>~`"'“„«([{¡¿]+|[\s*_"'”“»)\]},.!?:;…]+$/g;
/** The ends of `I'm`, `Here's` and `C'est`. */
const joined = /['’](?:s|m|d|re|ve|ll|t|est|ai)$/;

/**
 * True for a text that consists of one of these words, of one letter or digit, or of signs alone. A
 * dash may begin a key.
 */
export function isOpener(text: string): boolean {
  if (/^[^\p{L}\p{N}-]+$/u.test(text)) return true;
  const word = text.replace(around, '').replace(joined, '');
  return /^[\p{L}\d]$/u.test(word) || openers.has(word);
}
