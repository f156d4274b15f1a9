/** Name and sign of the product. */
export function Brand({ size = 22 }: { size?: number }) {
	return (
		<span style={{ display: "inline-flex", alignItems: "center", gap: 8, fontWeight: 650, fontSize: size * 0.72 }}>
			<img src="/icon.svg" width={size} height={size} alt="" />
			Lockstep
		</span>
	);
}
