/** Uploads. `XMLHttpRequest`, because only it tells how far an upload is. */
import { ApiError, asProblem, unreachable } from "./client";
import type { ExploitDataLoad, ImportPlan, IngestPreview, IngestRule, Job } from "./types";

export type ImportOptions = {
	/** Empty if a source says which assets the results belong to. */
	asset: string;
	source?: string;
	tags?: string;
	branch?: string;
	configuration?: string;
	partial?: boolean;
	assessment?: string;
};

/** Sends the report; resolves with the job once the server has all of it. `progress` goes from 0 to 1. */
export function importReport(file: File, options: ImportOptions, progress: (share: number) => void): Promise<Job> {
	return upload(`/api/v1/imports?${words(file, options)}`, file, progress);
}

/** Asks what importing the report would do now; nothing is stored. */
export function planImport(file: File, options: ImportOptions, progress: (share: number) => void): Promise<ImportPlan> {
	return upload(`/api/v1/imports/plan?${words(file, options)}`, file, progress);
}

function words(file: File, options: ImportOptions): URLSearchParams {
	const query = new URLSearchParams({ filename: file.name });
	if (options.asset) query.set("asset", options.asset);
	if (options.source) query.set("source", options.source);
	if (options.tags) query.set("tags", options.tags);
	if (options.branch) query.set("branch", options.branch);
	if (options.configuration) query.set("configuration", options.configuration);
	if (options.assessment) query.set("assessment", options.assessment);
	if (options.partial) query.set("partial", "true");
	return query;
}

/** Asks what rules would make of a report, or of what the source finds now if there is none; nothing is stored. */
export function previewSource(
	id: string,
	rules: readonly IngestRule[],
	file: File | null,
	progress: (share: number) => void,
): Promise<IngestPreview> {
	const query = new URLSearchParams({ rules: JSON.stringify(rules) });
	return upload(`/api/v1/sources/${id}/preview?${query}`, file, progress);
}

/** Sends EPSS scores or the KEV catalogue; resolves once they are loaded. */
export function loadExploitData(file: File, progress: (share: number) => void): Promise<ExploitDataLoad> {
	return upload(`/api/v1/exploit-data?${new URLSearchParams({ filename: file.name })}`, file, progress);
}

function upload<T>(address: string, file: File | null, progress: (share: number) => void): Promise<T> {
	return new Promise((resolve, reject) => {
		const request = new XMLHttpRequest();
		request.open("POST", address);
		request.setRequestHeader("X-Lockstep", "1");
		request.setRequestHeader("Content-Type", "application/octet-stream");
		request.upload.onprogress = (event) => {
			if (event.lengthComputable && event.total > 0) progress(event.loaded / event.total);
		};
		request.onerror = () => reject(unreachable());
		request.onload = () => {
			let body: unknown;
			try {
				body = JSON.parse(request.responseText);
			} catch {
				body = undefined;
			}
			if (request.status >= 200 && request.status < 300) resolve(body as T);
			else reject(new ApiError(asProblem(request.status, body)));
		};
		request.send(file);
	});
}
