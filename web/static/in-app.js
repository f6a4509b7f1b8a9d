// Help in a product: docs/answers.md
{
  const { dataset, src } = document.currentScript, home = new URL(src).origin
  const about = ({ screen = '', version = '' } = dataset) => ({ screen, version, error })
  let session, once, error = '', turn = 0
  addEventListener('error', e => error = e.message)
  addEventListener('unhandledrejection', e => error = '' + e.reason)

  const ask = async (path, body) => {
    const answer = await fetch(home + '/api/v1/answers' + path, {
      headers: { Authorization: 'Bearer ' + dataset.key, 'Content-Type': 'application/json' },
      ...(body && { method: 'POST', body: JSON.stringify(body) }) })
    const said = answer.status === 204 ? {} : await answer.json()
    if (!answer.ok) throw new Error(said.detail || 'Try again later.')
    session = said.session || session
    return said
  }
  const make = (name, props = {}, ...parts) => {
    const made = Object.assign(document.createElement(name), props)
    return made.append(...parts), made
  }
  const button = (text, act) => make('button', { type: 'button', onclick: () => run(act) }, text)
  const field = (name, text, more) => make('label', {}, text, make('input', { name, maxLength: 200, ...more }))
  const say = text => status.replaceChildren(text)
  const run = async act => { try { say(''); await act() } catch (e) { say(e.message) } }
  const get = async (path, more) => {
    const mine = ++turn, said = await ask(path + '?' + new URLSearchParams({ ...more, ...(session && { session }) }))
    return mine < turn ? new Promise(() => {}) : said
  }

  const search = async asked => {
    const { results } = await get('', { ...asked, limit: 3 })
    if (!results.length && asked.q) say('Nothing was found.')
    body.replaceChildren(...results.map(one => make('p', {}, button(one.title, () => read(one)), ' ', one.summary)))
  }
  const read = async one => {
    const { article, title, summary, address } = await get('/article', { article: one.article })
    const helped = yes => async () => {
      await ask('/helped', { session, article, helped: yes })
      yes ? (body.replaceChildren(), say('Good to hear.')) : write()
    }
    body.replaceChildren(make('h3', {}, title), make('p', {}, summary),
      make('a', { href: home + address, target: '_blank' }, 'Read it'),
      make('p', {}, 'Did this help? ', button('Yes', helped(true)), ' ', button('No', helped(false))))
  }
  const write = () => {
    turn++
    once ||= crypto.getRandomValues(new Uint32Array(4)).join('-')
    const form = make('form', {},
      field('email', 'Your e-mail', { type: 'email', required: true }),
      field('subject', 'In one line', { required: true }),
      make('label', {}, 'What happens?', make('textarea', { name: 'description', rows: 4, maxLength: 1900 })),
      ...Object.entries(about()).map(([name, is]) => field(name, 'Sent along: ' + name, { value: is.slice(0, 200) })),
      make('button', {}, 'Send'))
    form.onsubmit = event => {
      event.preventDefault()
      run(async () => {
        const { ticket } = await ask('/ticket', { ...Object.fromEntries(new FormData(form)), session, once })
        body.replaceChildren(once = '')
        say('We have it, as number ' + ticket)
      })
    }
    body.replaceChildren(form)
  }

  const body = make('div'), status = make('p', { role: 'status' }), query = field('q', 'Search', { type: 'search' })
  const find = make('form', { onsubmit: e => { e.preventDefault(); run(() => search({ q: query.lastChild.value })) } }, query)
  const box = make('dialog', { ariaLabel: 'Help' }, find, body, status, button('Write to us', write), ' ',
    button('Close', () => box.close()))
  const open = button('Help', () => { box.showModal(); return search({ screen: about().screen }) })
  const root = document.body.appendChild(make('div')).attachShadow({ mode: 'open' }), sheet = new CSSStyleSheet()
  sheet.replaceSync('dialog+button{position:fixed;right:1rem;bottom:1rem}dialog{width:24rem}' +
    'label,input,textarea{display:block;width:100%;box-sizing:border-box}')
  root.adoptedStyleSheets = [sheet]
  root.append(box, open)
}
