import { element, get } from "./api.js";

const { baseUrl, organizations } = await get("/_emulator/directory");
document.querySelector("#base").textContent = `${baseUrl}/`;
document.querySelector("#organizations").replaceChildren(
  ...organizations.map((organization) => {
    const projects = organization.projects.map((project) => {
      const teams = project.teams.map((team) => {
        const path = [organization.name, project.name, team].map(encodeURIComponent).join("/");
        return element("li", {}, element("a", { href: `/_emulator/board/${path}`, text: team }));
      });
      return element("section", {}, element("h3", { text: `${project.name} (${project.process})` }), element("ul", {}, ...teams));
    });
    return element("article", { class: "organization" }, element("h2", { text: organization.name }), ...projects);
  }),
);
