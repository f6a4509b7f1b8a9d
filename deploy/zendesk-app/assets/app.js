// Shows the card of the ticket that is open in Zendesk. Zendesk's framework says which one that is.
(async () => {
  "use strict";
  const say = (text) => {
    const trouble = document.getElementById("trouble");
    trouble.textContent = text;
    trouble.hidden = false;
  };
  try {
    const client = ZAFClient.init();
    const [context, metadata] = await Promise.all([client.context(), client.metadata()]);
    const desk = new URL(metadata.settings.desk);
    const card = document.getElementById("card");
    card.src = `${desk.origin}/desk/helpdesk/zendesk/${encodeURIComponent(context.ticketId)}/card`;
    card.hidden = false;
    await client.invoke("resize", { width: "100%", height: "640px" });
  } catch (error) {
    say(`Tierline cannot be shown here: ${error.message ?? error}`);
  }
})();
